import type {
  ApiKeyId,
  BootId,
  Branded,
  EventId,
  MemberId,
  OrganizationId,
  RequestId,
  ServiceAccountId,
  SystemTokenId,
} from './ids';
import type { EpochMs } from './time';

/** A fact, named by a literal string that stays the same for ever. */
export interface DomainEvent<T extends string = string, D extends object = object> {
  readonly type: T;
  readonly data: D;
}

export type StreamName = Branded<string, 'StreamName'>;

/** Who did it. */
export type Actor =
  | { readonly type: 'system'; readonly id: string }
  | { readonly type: 'member'; readonly id: MemberId }
  | { readonly type: 'service-account'; readonly id: ServiceAccountId }
  | { readonly type: 'api-key'; readonly id: ApiKeyId };

export interface EventMetadata {
  readonly actor: Actor;
  readonly at: EpochMs;
  /** With which token the actor commanded it; absent where no token was used. An API key is an actor itself. */
  readonly tokenId?: SystemTokenId;
  /** Absent for platform-wide facts such as the catalogue's. */
  readonly orgId?: OrganizationId;
  readonly requestId?: RequestId;
  readonly correlationId?: string;
  readonly causationId?: string;
  /** Which of several gateways recorded it: a hint whom to ask where many write one stream, never a right. */
  readonly gateway?: BootId;
}

/**
 * Personal data of one subject, encrypted under a key of that subject: erasing the key erases the data everywhere
 * without touching the log.
 */
export interface PersonalBlock {
  /** Whose key it is, for example a member's or a service account's id. */
  readonly subject: string;
  /** Version of the scheme and of the key, so that both can be rotated. */
  readonly keyVersion: number;
  /** Base64 of nonce, ciphertext and tag (AES-256-GCM). */
  readonly ciphertext: string;
}

/** An event with its envelope, before it is recorded. */
export interface EventEnvelope<E extends DomainEvent> {
  readonly id: EventId;
  readonly event: E;
  readonly metadata: EventMetadata;
  readonly personal?: PersonalBlock;
}

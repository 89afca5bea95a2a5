import type { Identifiers } from '#environment';
import type { Actor, Clock, EpochMs, OrganizationId, RequestId, SystemTokenId } from '#kernel';
import type { Claim } from './claims';
import type { ControlMetadata, ExecuteOptions } from './warm-aggregates';

/** What makes one Idempotency-Key count once. */
export interface KeyedCommand {
  /** Recorded as the cause of the command's events. */
  readonly commandId: string;
  /** The key was claimed before: the command may have been recorded already. */
  readonly isRepeat: boolean;
  /** Records the claim; awaited before the first event that the command causes. */
  claim(): Promise<void>;
}

/** Everything that a command needs beside what it says: who, when, and where new ids and secrets come from. */
export interface CommandContext {
  readonly actor: Actor;
  /** The token that the command came with; recorded with every event that it causes. */
  readonly tokenId?: SystemTokenId;
  readonly at: EpochMs;
  /** Of a keyed command the same at each repeat. */
  readonly identifiers: Pick<Identifiers, 'id' | 'random'>;
  readonly requestId?: RequestId;
  /** The client's own id of the request. */
  readonly correlationId?: string;
  /** Revisions (or tags) that the caller may have seen; any other is refused as stale. */
  readonly ifMatch?: readonly string[];
  readonly keyed?: KeyedCommand;
  /** Rejects once somebody else may be changing the same subject; awaited right before each append. */
  readonly stillHolds?: () => Promise<void>;
}

/** A context for what the platform does by itself. */
export function systemContext(
  id: string,
  { clock, identifiers }: { clock: Pick<Clock, 'now'>; identifiers: Pick<Identifiers, 'id' | 'random'> },
): CommandContext {
  return { actor: { type: 'system', id }, at: clock.now(), identifiers };
}

export function metadataOf(context: CommandContext, orgId?: OrganizationId): ControlMetadata {
  const { actor, tokenId, requestId, correlationId, keyed } = context;
  return {
    actor,
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(orgId === undefined ? {} : { orgId }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(keyed === undefined ? {} : { causationId: keyed.commandId }),
  };
}

/** What has to happen before anything that a command causes is recorded; `undefined`: nothing. */
export function beforeAppendOf({ keyed, stillHolds }: CommandContext): (() => Promise<void>) | undefined {
  if (stillHolds === undefined) return keyed && (() => keyed.claim());
  return async () => {
    await keyed?.claim();
    await stillHolds();
  };
}

export function optionsOf(context: CommandContext): ExecuteOptions {
  const { ifMatch, keyed } = context;
  const beforeAppend = beforeAppendOf(context);
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(beforeAppend === undefined ? {} : { beforeAppend }),
    ...(keyed === undefined ? {} : { isRepeat: keyed.isRepeat }),
  };
}

/** The same command, while a claim on its subject is held; without one, nobody else could change the subject. */
export function under(claim: Claim | undefined, context: CommandContext): CommandContext {
  return claim === undefined ? context : { ...context, stillHolds: () => claim.check() };
}

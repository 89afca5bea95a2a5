import { z } from 'zod';
import type {
  Actor,
  ApiKeyId,
  EventId,
  MemberId,
  OrganizationId,
  RequestId,
  ServiceAccountId,
  SystemTokenId,
} from '#kernel';
import { brandedField, CanonicalizationError, canonicalJson, epochMsField, parseId } from '#kernel';
import type { ForwardedCommand, ForwardedOutcome } from '#ledger';
import { commandSchema } from './command-schema';
import { outcomeSchema } from './outcome-schema';

/** What travels between gateways: canonical JSON, in which 64-bit integers and money are decimal strings. */

/** The longest time that a peer is asked to spend on a request. */
export const FORWARD_MS_MAX = 60_000;
export const COMMANDS_PER_REQUEST_MAX = 5_000;

const actorSchema: z.ZodType<Actor> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('system'), id: z.string() }),
  z.strictObject({ type: z.literal('member'), id: brandedField<MemberId>() }),
  z.strictObject({ type: z.literal('service-account'), id: brandedField<ServiceAccountId>() }),
  z.strictObject({ type: z.literal('api-key'), id: brandedField<ApiKeyId>() }),
]);

const waitMsSchema = z.strictObject({
  concurrency_limit_exceeded: z.number().exactOptional(),
  budget_contended: z.number().exactOptional(),
  idempotency_in_progress: z.number().exactOptional(),
});

const forwardedSchema = z.strictObject({
  command: commandSchema,
  metadata: z.strictObject({
    actor: actorSchema,
    tokenId: brandedField<SystemTokenId>().exactOptional(),
    requestId: brandedField<RequestId>().exactOptional(),
    correlationId: z.string().exactOptional(),
    causationId: z.string().exactOptional(),
  }),
  waitMs: waitMsSchema.exactOptional(),
  firstEventId: brandedField<EventId>().exactOptional(),
  deadline: epochMsField,
});

const requestSchema = z.strictObject({
  timeoutMs: z.number().int().positive().max(FORWARD_MS_MAX),
  commands: z.array(forwardedSchema).min(1).max(COMMANDS_PER_REQUEST_MAX),
});

const answerSchema = z.strictObject({ outcomes: z.array(outcomeSchema) });

/** A message that says nothing that this program understands; nothing of it was acted upon. */
export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError';
}

export interface ForwardRequest {
  readonly timeoutMs: number;
  readonly commands: readonly ForwardedCommand[];
}

/** `undefined`: it holds what cannot be written, and nobody could record it. */
export function encodeCommand(command: ForwardedCommand): string | undefined {
  try {
    return canonicalJson(command);
  } catch (error) {
    if (error instanceof CanonicalizationError) return undefined;
    throw error;
  }
}

/** @param commands as `encodeCommand` wrote them. */
export function encodeRequest(timeoutMs: number, commands: readonly string[]): Uint8Array {
  return Buffer.from(`{"commands":[${commands.join(',')}],"timeoutMs":${timeoutMs}}`);
}

/** @throws MalformedMessageError */
export function decodeRequest(body: Uint8Array): ForwardRequest {
  return decode(body, requestSchema);
}

export function encodeAnswer(outcomes: readonly ForwardedOutcome[]): Uint8Array {
  return Buffer.from(canonicalJson({ outcomes }));
}

/** @throws MalformedMessageError also when not every command has an outcome. */
export function decodeAnswer(body: Uint8Array, commands: number): readonly ForwardedOutcome[] {
  const { outcomes } = decode(body, answerSchema);
  if (outcomes.length !== commands)
    throw new MalformedMessageError(`the answer has ${outcomes.length} outcomes for ${commands} commands`);
  return outcomes;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function decode<T>(body: Uint8Array, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch (error) {
    throw new MalformedMessageError('the message is no JSON', { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MalformedMessageError(`the message is malformed at ${issue?.path.join('.')}: ${issue?.message}`);
}

const PATH = /^\/peer\/v1\/ledgers\/([^/?]+)\/commands$/;

export function commandsPath(orgId: OrganizationId): string {
  return `/peer/v1/ledgers/${orgId}/commands`;
}

/** The organization in a path; `undefined` for every other path. */
export function parseCommandsPath(path: string): OrganizationId | undefined {
  const [, orgId = ''] = PATH.exec(path) ?? [];
  return parseId('org', orgId);
}

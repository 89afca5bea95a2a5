import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isTimeZone, momentNamed } from '#http-edge';
import { type EpochMs, epochMs, type ModelId, type OrganizationId, parseId } from '#kernel';
import type { CallReads, ReadAnswer } from './call-reads';
import type { AuthenticatedKey } from './ports';
import { sendError } from './v1-request';

/** Ledger time: a clock that was set back would leave out what is newest. */
type TimeOf = (orgId: OrganizationId) => EpochMs;

const DAY_MS = 86_400_000;
const READ_SCOPES = ['inference', 'usage:read', 'analytics:read'];

type Query = Readonly<Record<string, string | undefined>>;

const CALL_PARAMETERS = { atLeast: 'once' } as const;
const USAGE_PARAMETERS = {
  from: 'once',
  to: 'once',
  start_date: 'once',
  end_date: 'once',
  timeZone: 'once',
  time_zone: 'once',
  model: 'once',
  atLeast: 'once',
} as const;

function readerOf(request: FastifyRequest): AuthenticatedKey | undefined {
  const { key } = request.v1;
  return key?.scopes.some((scope) => READ_SCOPES.includes(scope)) === true ? key : undefined;
}

function send(request: FastifyRequest, reply: FastifyReply, { data, watermark }: ReadAnswer) {
  return reply.header('x-request-id', request.v1.requestId).send({ ...data, watermark });
}

/** Waits for the caller's own write, where it names one. */
async function reached({ atLeast }: Query, reads: CallReads): Promise<boolean> {
  return atLeast === undefined || reads.waitFor(BigInt(atLeast));
}

/** What a question about a time says that is wrong. */
interface Mistake {
  readonly param: string;
  readonly message: string;
  readonly code?: 'conflicting_parameters';
}

function mistakeIn({ atLeast }: Query): Mistake | undefined {
  if (atLeast === undefined || /^\d{1,20}$/.test(atLeast)) return undefined;
  return { param: 'atLeast', message: "'atLeast' is a position that an answer has named." };
}

/** One parameter of two names. */
function either(query: Query, name: string, alias: string): string | undefined | Mistake {
  if (query[name] === undefined || query[alias] === undefined) return query[name] ?? query[alias];
  const message = `'${name}' and '${alias}' are the same parameter. Send one.`;
  return { param: alias, message, code: 'conflicting_parameters' };
}

function isMistake(value: unknown): value is Mistake {
  return typeof value === 'object' && value !== null && 'param' in value;
}

/** `from` inclusive, `to` exclusive; a date is a day of the named zone. */
function rangeOf(query: Query, now: EpochMs): { readonly from: EpochMs; readonly to: EpochMs } | Mistake {
  const zone = either(query, 'timeZone', 'time_zone');
  const [fromText, toText] = [either(query, 'from', 'start_date'), either(query, 'to', 'end_date')];
  for (const value of [zone, fromText, toText]) if (isMistake(value)) return value;
  if (typeof zone === 'string' && !isTimeZone(zone))
    return { param: 'timeZone', message: "'timeZone' is the name of an IANA time zone, such as Asia/Kolkata." };
  const named = (text: unknown) =>
    typeof text === 'string' ? momentNamed(text, zone as string | undefined) : undefined;
  const to = toText === undefined ? epochMs(now + 1) : named(toText);
  const from = fromText === undefined ? epochMs((to ?? now) - 30 * DAY_MS) : named(fromText);
  const wanted = (param: string) => ({ param, message: `'${param}' is a date (2026-01-31) or an RFC 3339 time.` });
  if (from === undefined) return wanted('from');
  if (to === undefined) return wanted('to');
  return from < to ? { from, to } : { param: 'from', message: "'from' lies before 'to'." };
}

function callRoute(reads: CallReads) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const key = readerOf(request);
    if (key === undefined) return sendError(request, reply, 'insufficient_scope');
    const callId = parseId('req', (request.params as { requestId: string }).requestId);
    if (callId === undefined) return sendError(request, reply, 'call_not_found');
    const query = request.query as Query;
    const mistake = mistakeIn(query);
    if (mistake !== undefined) return sendError(request, reply, 'invalid_value', mistake);
    if (!(await reached(query, reads)))
      return sendError(request, reply, 'not_ready', {
        message: 'The view has not reached that position yet.',
        retryAfterMs: 1_000,
      });
    const answer = await reads.callById(key.orgId, key.projectId, callId);
    if (answer === 'foreign') request.v1.refused?.('foreign_id');
    if (answer === 'foreign' || answer === 'none') return sendError(request, reply, 'call_not_found');
    return send(request, reply, answer);
  };
}

function usageRoute(reads: CallReads, timeOf: TimeOf) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const key = readerOf(request);
    if (key === undefined) return sendError(request, reply, 'insufficient_scope');
    const query = request.query as Query;
    const now = timeOf(key.orgId);
    const range = mistakeIn(query) ?? rangeOf(query, now);
    if (isMistake(range)) {
      const { code = 'invalid_value', ...mistake } = range;
      return sendError(request, reply, code, mistake);
    }
    if (!(await reached(query, reads)))
      return sendError(request, reply, 'not_ready', {
        message: 'The view has not reached that position yet.',
        retryAfterMs: 1_000,
      });
    const { model } = query;
    return send(
      request,
      reply,
      await reads.projectUsage(key.orgId, key.projectId, {
        ...range,
        ...(model === undefined ? {} : { model: model as ModelId }),
      }),
    );
  };
}

/** What an application may ask about its own calls. */
export function registerReads(plane: FastifyInstance, reads: CallReads, timeOf: TimeOf): void {
  plane.get('/calls/:requestId', { config: { query: CALL_PARAMETERS } }, callRoute(reads));
  plane.get('/audit/requests/:requestId', { config: { query: CALL_PARAMETERS } }, callRoute(reads));
  plane.get('/usage', { config: { query: USAGE_PARAMETERS } }, usageRoute(reads, timeOf));
}

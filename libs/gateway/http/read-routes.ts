import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type EpochMs, epochMs, type ModelId, type OrganizationId, parseId, parseInstant } from '#kernel';
import type { CallReads, ReadAnswer } from './call-reads';
import type { AuthenticatedKey } from './ports';
import { sendError } from './v1-request';

/** Ledger time: a clock that was set back would leave out what is newest. */
type TimeOf = (orgId: OrganizationId) => EpochMs;

const DAY_MS = 86_400_000;
const READ_SCOPES = ['inference', 'usage:read', 'analytics:read'];

type Query = Readonly<Record<string, string | undefined>>;

/** A date or an RFC 3339 time; a date is midnight UTC. */
function parseTime(text: string): EpochMs | undefined {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? parseInstant(`${text}T00:00:00Z`) : parseInstant(text);
}

function readerOf(request: FastifyRequest): AuthenticatedKey | undefined {
  const { key } = request.v1;
  return key?.scopes.some((scope) => READ_SCOPES.includes(scope)) === true ? key : undefined;
}

function send(request: FastifyRequest, reply: FastifyReply, { data, watermark }: ReadAnswer) {
  return reply.header('x-request-id', request.v1.requestId).send({ ...data, watermark });
}

/** Waits for the caller's own write, where it names one. */
async function reached(query: Query, reads: CallReads): Promise<boolean> {
  const { atLeast } = query;
  return atLeast === undefined || !/^\d{1,20}$/.test(atLeast) || reads.waitFor(BigInt(atLeast));
}

function callRoute(reads: CallReads) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const key = readerOf(request);
    if (key === undefined) return sendError(request, reply, 'insufficient_scope');
    const callId = parseId('req', (request.params as { requestId: string }).requestId);
    if (callId === undefined) return sendError(request, reply, 'call_not_found');
    if (!(await reached(request.query as Query, reads)))
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
    const toText = query.to ?? query.end_date;
    const fromText = query.from ?? query.start_date;
    const to = toText === undefined ? epochMs(now + 1) : parseTime(toText);
    const from = fromText === undefined ? epochMs((to ?? now) - 30 * DAY_MS) : parseTime(fromText);
    for (const [param, value] of [
      ['from', from],
      ['to', to],
    ] as const)
      if (value === undefined)
        return sendError(request, reply, 'invalid_value', {
          param,
          message: `'${param}' is a date (2026-01-31) or an RFC 3339 time.`,
        });
    if (from === undefined || to === undefined || from >= to)
      return sendError(request, reply, 'invalid_value', { param: 'from', message: "'from' lies before 'to'." });
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
        from,
        to,
        ...(model === undefined ? {} : { model: model as ModelId }),
      }),
    );
  };
}

/** What an application may ask about its own calls. */
export function registerReads(plane: FastifyInstance, reads: CallReads, timeOf: TimeOf): void {
  plane.get('/calls/:requestId', callRoute(reads));
  plane.get('/audit/requests/:requestId', callRoute(reads));
  plane.get('/usage', usageRoute(reads, timeOf));
}

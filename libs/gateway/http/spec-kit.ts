import Fastify, { type FastifyInstance } from 'fastify';
import { RequestRates } from '#http-edge';
import type { ApiKeyId, EpochMs, OrganizationId, ProjectId, RequestId } from '#kernel';
import { CallRunner } from '../calls/call-runner';
import type { CallDependencies, ModelDirectory } from '../calls/ports';
import { ActiveCalls } from './active-calls';
import type { CallReads } from './call-reads';
import type { AuthenticatedKey, KeyVerdict } from './ports';
import { v1Plane } from './v1-plane';

type PlaneOptions = Parameters<typeof v1Plane>[0];

export function someKey(rest: Partial<AuthenticatedKey> = {}): AuthenticatedKey {
  return {
    keyId: 'key_1' as ApiKeyId,
    orgId: 'org_1' as OrganizationId,
    projectId: 'prj_1' as ProjectId,
    scopes: ['inference'],
    allowsStoredAnswers: true,
    ...rest,
  };
}

export const INVALID: KeyVerdict = { ok: false, code: 'invalid_api_key' };

/** A plane with nothing behind it but what a spec gives it; what nobody expects fails the spec. */
export async function planeWith(rest: Partial<PlaneOptions> = {}): Promise<FastifyInstance> {
  const calls = { ledger: { timeOf: () => 0 as EpochMs } } as unknown as CallDependencies;
  const server = Fastify();
  await server.register(
    v1Plane({
      runner: new CallRunner(calls),
      calls,
      authenticator: { authenticateKey: () => INVALID, authenticationFailed: () => undefined },
      models: {} as ModelDirectory,
      reads: {} as CallReads,
      clock: { now: () => 0 as EpochMs, monotonicMs: () => 0 },
      newRequestId: () => 'req_1' as RequestId,
      addressOf: () => '127.0.0.1',
      rates: new RequestRates({ refusedPerSecond: 1_000, freePerSecond: 1_000, clock: { monotonicMs: () => 0 } }),
      active: new ActiveCalls(() => undefined),
      isAdmitting: () => true,
      onUnexpected: (error) => {
        throw error;
      },
      ...rest,
    }),
    { prefix: '/v1' },
  );
  return server;
}

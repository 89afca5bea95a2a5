import Fastify from 'fastify';
import { type Check, registerHealth } from './health';

const PATHS = ['/health/live', '/healthz', '/health/startup', '/health/ready', '/readyz'] as const;

/** As the platform's server is: no HEAD but where it is asked for. */
function server(phase: 'starting' | 'ready' | 'draining', checks: Readonly<Record<string, Check>> = {}) {
  const fastify = Fastify({ exposeHeadRoutes: false });
  registerHealth(fastify, {
    version: '1',
    startedAt: '2026-01-01T00:00:00.000Z',
    phase: () => phase,
    checks: async () => checks,
    now: () => '2026-01-01T00:00:01.000Z',
  });
  return fastify;
}

describe('health', () => {
  it.each([
    ['starting', [200, 200, 503, 503, 503]],
    ['ready', [200, 200, 200, 200, 200]],
    ['draining', [200, 200, 200, 503, 503]],
  ] as const)('%s: lives, has started, is ready', async (phase, wanted) => {
    for (const method of ['GET', 'HEAD'] as const) {
      const statuses = [];
      for (const url of PATHS) statuses.push((await server(phase).inject({ method, url })).statusCode);
      expect([method, statuses]).toEqual([method, wanted]);
    }
  });

  it('is not ready while something that it needs fails, and says what', async () => {
    const checks = { eventStore: { status: 'fail', message: 'it is full' } } as const;
    const answer = await server('ready', checks).inject({ url: '/health/ready' });
    expect([answer.statusCode, answer.json()]).toEqual([503, expect.objectContaining({ status: 'fail', checks })]);
  });
});

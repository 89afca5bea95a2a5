import type { FastifyInstance, FastifyReply } from 'fastify';

/** `warn`: calls are admitted, but somebody should look. */
export type Check = { readonly status: 'pass' | 'warn' | 'fail'; readonly message?: string };

export interface HealthOptions {
  readonly version: string;
  readonly startedAt: string;
  /** `starting` until the first call may be admitted, `draining` from SIGTERM on. */
  readonly phase: () => 'starting' | 'ready' | 'draining';
  /** Per dependency; must answer quickly. */
  readonly checks: () => Promise<Readonly<Record<string, Check>>>;
  readonly now: () => string;
}

async function answer(
  reply: FastifyReply,
  options: HealthOptions,
  isHealthy: boolean,
  checks: Readonly<Record<string, Check>>,
) {
  return reply
    .code(isHealthy ? 200 : 503)
    .header('cache-control', 'no-store')
    .send({
      status: isHealthy ? 'pass' : 'fail',
      phase: options.phase(),
      timestamp: options.now(),
      version: options.version,
      startedAt: options.startedAt,
      checks,
    });
}

/**
 * For orchestrators: live says that the process runs, startup that it has become ready once, ready that calls are
 * admitted now and every dependency answers.
 */
export function registerHealth(server: FastifyInstance, options: HealthOptions): void {
  const live = (_request: unknown, reply: FastifyReply) => answer(reply, options, true, {});
  const startup = (_request: unknown, reply: FastifyReply) =>
    answer(reply, options, options.phase() !== 'starting', {});
  const ready = async (_request: unknown, reply: FastifyReply) => {
    const checks = await options.checks();
    const isHealthy = options.phase() === 'ready' && Object.values(checks).every(({ status }) => status !== 'fail');
    return answer(reply, options, isHealthy, checks);
  };
  // Some probes ask with HEAD, which wants the same status.
  const probed = { exposeHeadRoute: true };
  for (const path of ['/health/live', '/healthz']) server.get(path, probed, live);
  server.get('/health/startup', probed, startup);
  for (const path of ['/health/ready', '/readyz']) server.get(path, probed, ready);
}

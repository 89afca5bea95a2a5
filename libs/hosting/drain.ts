import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Services } from './services';

/** How long calls that were cut may take to write down how they ended. */
const CUT_MS_MAX = 2_000;

/** What the answers of calls that were cut have to leave in. */
const FLUSH_MS = 250;

/** How long a client that is no call's may still send its request or read its answer. */
const LINGER_MS_MAX = 5_000;

/** Closing waits for every request that has begun: one that never arrives whole would keep the process for ever. */
async function closeWithin(server: NestFastifyApplication, lingerMs: number): Promise<void> {
  const timer = setTimeout(() => server.getHttpServer().closeAllConnections(), lingerMs);
  await server.close();
  clearTimeout(timer);
}

/** Admits nothing more, lets running calls end, writes everything down. */
export async function drain(services: Services, server: NestFastifyApplication, signal: string): Promise<void> {
  const { active, configuration, logger } = services;
  services.phase = 'draining';
  logger.info({ signal, activeCalls: active.size }, 'draining');
  if (!(await active.ended(configuration.drainMs))) {
    logger.warn({ activeCalls: active.size }, 'calls are cut: what nobody can count ends as unresolved');
    services.calls.cut.cut();
    await active.ended(CUT_MS_MAX);
  }
  await closeWithin(server, Math.min(LINGER_MS_MAX, Math.max(FLUSH_MS, configuration.drainMs)));
  await services.close();
}

import { setTimeout as sleep } from 'node:timers/promises';
import fastify, { type FastifyInstance } from 'fastify';
import type { Configuration } from '#configuration';
import { ControlUnavailableError } from '#control';
import { systemClock } from '#environment';
import { AppendOutcomeUnknownError, StoreUnavailableError } from '#event-store';
import { registerHealth } from '#gateway';
import { formatInstant } from '#kernel';
import { LedgerUnavailableError } from '#ledger';
import type { Logger } from '#telemetry';
import type { Engines } from './engines';
import { version } from './version';

const RETRY_MS = 1_000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Answers for orchestrators what there is to say while the record is away: the process lives, and is not ready. */
async function listenForHealth({ host, port }: Configuration, reason: () => string): Promise<FastifyInstance> {
  const server = fastify({ forceCloseConnections: true });
  registerHealth(server, {
    version,
    startedAt: formatInstant(systemClock.now()),
    phase: () => 'starting',
    checks: async () => ({ eventStore: { status: 'fail', message: reason() } }),
    now: () => formatInstant(systemClock.now()),
  });
  await server.listen({ host, port });
  return server;
}

/** The record answered and then fell silent while this process was opening it. */
export class RecordAwayError extends Error {
  override readonly name = 'RecordAwayError';
}

const AWAY: readonly (abstract new (...args: never) => Error)[] = [
  StoreUnavailableError,
  AppendOutcomeUnknownError,
  ControlUnavailableError,
  LedgerUnavailableError,
];

function isSaidToBeAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return AWAY.some((kind) => error instanceof kind) || isSaidToBeAway(error.cause);
}

/** What a failed start is told as: where the record is away, one sentence instead of where in the program that showed. */
export async function startFailure({ store, recordName }: Pick<Engines, 'store' | 'recordName'>, error: unknown) {
  const isAway =
    isSaidToBeAway(error) ||
    (await store.lastPosition().then(
      () => false,
      () => true,
    ));
  if (!isAway) return error;
  const message = `${recordName} went away while this process was starting (${messageOf(error)}); start it again.`;
  return new RecordAwayError(message, { cause: error });
}

/** Resolves once the record answers; until then it says in the log what is waited for, once per try. */
export async function waitForRecord(
  { store, recordName }: Pick<Engines, 'store' | 'recordName'>,
  configuration: Configuration,
  logger: Logger,
  retryMs = RETRY_MS,
): Promise<void> {
  let reason = '';
  let server: FastifyInstance | undefined;
  for (;;) {
    try {
      await store.lastPosition();
      break;
    } catch (error) {
      reason = messageOf(error);
      server ??= await listenForHealth(configuration, () => `${recordName} does not answer: ${reason}`);
      logger.warn({ waitingFor: recordName, reason }, 'waiting for the record');
      await sleep(retryMs);
    }
  }
  await server?.close();
}

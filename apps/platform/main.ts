import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Configuration, ConfigurationError, helpText, readConfiguration } from '#configuration';
import { ConfigurationFileError } from '#control';
import { StoreOpenError } from '#event-store/lmdb';
import { MasterKeyError } from '#key-store';
import { KeyStoreOpenError } from '#key-store/lmdb';
import { RecordInFutureError } from '#ledger';
import { createLogger, type Logger } from '#telemetry';
import { dataPaths } from './engines';
import { applyConfiguration, prepareFirstUse } from './first-use';
import { createServer } from './server';
import { openServices, type Services } from './services';
import { version } from './version';

/** Trouble that a person can mend: told in one sentence, without a stack. */
const EXPECTED = [
  RecordInFutureError,
  ConfigurationError,
  ConfigurationFileError,
  StoreOpenError,
  MasterKeyError,
  KeyStoreOpenError,
];

function isExpected(error: unknown): error is Error {
  return EXPECTED.some((kind) => error instanceof kind);
}

function isAddressInUse(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');
}

function urlOf({ host, port }: Configuration, address: AddressInfo | string | null): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${typeof address === 'object' && address !== null ? address.port : port}`;
}

async function start(): Promise<void> {
  const configuration = readConfiguration(process.env);
  const logger = createLogger(configuration.logLevel, 'platform');
  const services = await openServices(configuration, process.env, logger);
  try {
    const server = await createServer(services);
    await server.listen({ host: configuration.host, port: configuration.port });
    const url = urlOf(configuration, server.getHttpServer().address());
    const announcement = await prepareFirstUse(services, url);
    await applyConfiguration(services, process.env);
    services.phase = 'ready';
    logger.info({ url, version, data: configuration.dataDir }, 'ready');
    if (announcement !== undefined) process.stdout.write(announcement);
    drainOnSignal(services, server, logger);
    const { firstRun } = dataPaths(configuration.dataDir);
    if (existsSync(firstRun))
      logger.warn({ file: firstRun }, 'the file holds secrets: keep them elsewhere and delete it');
  } catch (error) {
    await services.close();
    throw error;
  }
}

/** How long calls that were cut may take to write down how they ended. */
const CUT_MS_MAX = 2_000;

/** On SIGTERM: admit nothing more, let running calls end, write everything down, go. */
function drainOnSignal(services: Services, server: NestFastifyApplication, logger: Logger): void {
  const { active, configuration } = services;
  let isStopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    services.phase = 'draining';
    logger.info({ signal, activeCalls: active.size }, 'draining');
    if (!(await active.ended(configuration.drainMs))) {
      logger.warn({ activeCalls: active.size }, 'calls are cut: what nobody can count ends as unresolved');
      // Closing the server waits for its connections, and a backend that has fallen silent keeps its client's for ever.
      server.getHttpServer().closeAllConnections();
      await active.ended(CUT_MS_MAX);
    }
    await server.close();
    await services.close();
    logger.info('stopped');
    logger.flush(() => process.exit(0));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      stop(signal).catch((error: unknown) => {
        logger.error({ error }, 'stopping failed');
        process.exit(1);
      });
    });
}

if (process.argv.includes('--help')) process.stdout.write(helpText('npm start --'));
else if (process.argv.includes('--version')) process.stdout.write(`${version}\n`);
else
  start().catch((error: unknown) => {
    if (isExpected(error)) process.stderr.write(`${error.message}\n`);
    else if (isAddressInUse(error))
      process.stderr.write(`The address cannot be used (${error.code}); set AIAAS_PORT or AIAAS_HOST to another.\n`);
    else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(isExpected(error) || isAddressInUse(error) ? 78 : 1);
  });

import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Configuration, helpText, type Mode, readConfigurationOf } from '#configuration';
import { holdToInstallation } from '#control';
import { makeFilesPrivately, makePrivate, systemClock, systemIdentifiers } from '#environment';
import { createLogger, type Logger } from '#telemetry';
import { drain } from './drain';
import type { EngineKit, Engines } from './engines';
import { failureOf } from './expected-errors';
import { applyConfiguration, prepareFirstUse } from './first-use';
import { createServer } from './server';
import { openServices, type Services } from './services';
import { urlOf } from './url-of';
import { version } from './version';
import { startFailure, waitForRecord } from './wait-for-record';

export interface ProcessOptions<M extends Mode> {
  /** As its log names it. */
  readonly name: string;
  /** What a person types to start it, for its help. */
  readonly command: string;
  readonly engines: EngineKit<M>;
}

/** What SIGTERM and SIGINT do; what that is changes once while the process starts. */
class Stopping {
  #stop: (signal: string) => Promise<void>;
  #isStopping = false;

  constructor(private readonly logger: Logger) {
    // Nothing was admitted yet, and every half-done step is finished by the next start.
    this.#stop = async () => undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onSignal(signal));
  }

  drains(stop: (signal: string) => Promise<void>): void {
    this.#stop = stop;
  }

  #onSignal(signal: string): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#stop(signal).then(
      () => {
        this.logger.info('stopped');
        this.logger.flush(() => process.exit(0));
      },
      (error: unknown) => {
        this.logger.error({ error }, 'stopping failed');
        process.exit(1);
      },
    );
  }
}

/** Opens the doors: from here on calls are admitted. */
async function serve(services: Services): Promise<NestFastifyApplication> {
  const { configuration, logger, engines } = services;
  const { application: server, listenForOperations } = await createServer(services);
  await server.listen({ host: configuration.host, port: configuration.port });
  const address = server.getHttpServer().address() as AddressInfo;
  const url = urlOf(configuration.host, address.port);
  const operationsUrl = await listenForOperations();
  await services.node?.untilKnown();
  const announcement = await prepareFirstUse(services, url);
  await applyConfiguration(services, process.env);
  services.phase = 'ready';
  const operations = operationsUrl === undefined ? {} : { operationsUrl };
  logger.info({ url, ...operations, version, data: configuration.dataDir }, 'ready');
  if (announcement !== undefined) process.stdout.write(announcement);
  if (existsSync(engines.firstRunFile))
    logger.warn({ file: engines.firstRunFile }, 'the file holds secrets: keep them elsewhere and delete it');
  return server;
}

/** Keys, answers and the record are this user's alone, whatever was there before and whoever makes the files. */
function keepToItself(configuration: Configuration, logger: Logger): void {
  makeFilesPrivately();
  const shared = configuration.mode === 'distributed' ? [configuration.sharedDataDir] : [];
  const paths = [configuration.dataDir, ...shared].flatMap(makePrivate);
  const [first] = paths;
  if (first !== undefined)
    logger.warn(
      { first, paths: paths.length },
      'files of the data directory could not be made private: see who owns them',
    );
}

/** Nothing is looked at, and nothing written, before it is known that record and keys belong to each other. */
async function openOwn(engines: Engines, configuration: Configuration, logger: Logger): Promise<Services> {
  const { acceptKeyStore: accepted } = configuration;
  const identifiers = systemIdentifiers(systemClock);
  await holdToInstallation({
    ...engines,
    clock: systemClock,
    identifiers,
    ...(accepted === undefined ? {} : { accepted }),
  });
  return openServices(engines, configuration, logger);
}

async function start<M extends Mode>({ name, engines: kit }: ProcessOptions<M>): Promise<void> {
  const configuration = readConfigurationOf(kit.mode, process.env, kit.checks);
  const logger = createLogger(configuration.logLevel, name);
  const stopping = new Stopping(logger);
  keepToItself(configuration, logger);
  const engines = await kit.open(configuration, process.env);
  await waitForRecord(engines, configuration, logger);
  const services = await openOwn(engines, configuration, logger).catch(async (error: unknown) => {
    throw await startFailure(engines, error);
  });
  try {
    const server = await serve(services);
    stopping.drains((signal) => drain(services, server, signal));
  } catch (error) {
    const failure = await startFailure(engines, error);
    await services.close();
    throw failure;
  }
}

/** Runs a process until it is told to stop: answers `--help` and `--version`, else starts what the settings say. */
export function runProcess<M extends Mode>(options: ProcessOptions<M>): void {
  if (process.argv.includes('--help')) process.stdout.write(helpText(options.command));
  else if (process.argv.includes('--version')) process.stdout.write(`${version}\n`);
  else
    start(options).catch((error: unknown) => {
      const { text, code } = failureOf(error);
      process.stderr.write(`${text}\n`);
      process.exit(code);
    });
}

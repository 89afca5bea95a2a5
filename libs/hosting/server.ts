import 'reflect-metadata';
import cors from '@fastify/cors';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import fastify, { type FastifyInstance } from 'fastify';
import { AdminHttpModule } from '#admin-http';
import { AnalyticsHttpModule } from '#analytics-http';
import { systemClock, systemIdentifiers } from '#environment';
import { type Check, registerHealth, v1Plane } from '#gateway';
import { formatInstant, type RequestId } from '#kernel';
import { callReads } from './call-reads';
import { checkClock } from './check-clock';
import { mountDocumentation } from './documentation';
import type { Services } from './services';
import { checkStore } from './store-check';
import { answerUnreadable, answerUnroutable, REQUEST_MS_MAX } from './unroutable-requests';
import { version } from './version';

@Module({})
class PlatformModule {
  static over({ control, readSide, router, logger, ledger }: Services): DynamicModule {
    return {
      module: PlatformModule,
      imports: [
        AdminHttpModule.register({
          control,
          router,
          onUnexpected: (error, requestId) => logger.error({ error, requestId }, 'a request failed'),
        }),
        AnalyticsHttpModule.register({ control, readSide, timeOf: (orgId) => ledger.timeOf(orgId) }),
      ],
    };
  }
}

/** What must answer for the platform to be ready. */
async function checks({ engines, control, node, ledger }: Services): Promise<Readonly<Record<string, Check>>> {
  return {
    eventStore: await checkStore(engines.store),
    controlPlane: control.isFollowing
      ? { status: 'pass' }
      : { status: 'fail', message: 'it does not follow the record' },
    clock: checkClock(ledger),
    ...(node === undefined ? {} : { cluster: node.check() }),
  };
}

function registerV1(server: FastifyInstance, services: Services): void {
  const { control, runner, calls, readSide, active, logger, metrics, configuration } = services;
  const identifiers = systemIdentifiers(systemClock);
  const plane = v1Plane({
    runner,
    calls,
    models: control,
    authenticator: {
      authenticateKey: (secret, address) => control.authenticateKey(secret, address),
      lookFor: (secret) => control.lookFor(secret),
      authenticationFailed(address, code) {
        control.authenticationFailures.record(address, code);
        metrics.authenticationFailures.inc({ code });
      },
    },
    reads: callReads(readSide),
    clock: systemClock,
    newRequestId: (): RequestId => identifiers.id('req'),
    addressOf: (request) => request.ip,
    isAdmitting: () => services.phase === 'ready' && services.node?.mayAct() !== false,
    active,
    onUnexpected: (error, request) => logger.error({ error, requestId: request.v1.requestId }, 'a /v1 request failed'),
  });
  void server.register(
    async (scope) => {
      // Browsers only where an origin is named, and never with cookies: keys belong on servers.
      if (configuration.corsOrigins.length > 0)
        await scope.register(cors, {
          origin: [...configuration.corsOrigins],
          credentials: false,
          // Without it a page sees no header of the platform's own, not even the request id. Keys travel in a header of
          // their own and never as credentials, so the wildcard holds.
          exposedHeaders: ['*'],
          maxAge: 3_600,
        });
      await plane(scope);
    },
    { prefix: '/v1' },
  );
}

/** The HTTP server of all planes. */
export async function createServer(services: Services): Promise<NestFastifyApplication> {
  const { configuration, metrics } = services;
  const startedAt = formatInstant(systemClock.now());
  const identifiers = systemIdentifiers(systemClock);
  const server = fastify({
    trustProxy: configuration.trustedProxies.length === 0 ? false : [...configuration.trustedProxies],
    // Until the request has arrived; how long its answer may take is governed by the call's own timeouts.
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    // What comes while it closes gets the platform's own answer, in the shape of its route.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_024 },
    exposeHeadRoutes: false,
    frameworkErrors: answerUnroutable(identifiers),
    clientErrorHandler: answerUnreadable(identifiers),
  });
  registerV1(server, services);
  registerHealth(server, {
    version,
    startedAt,
    phase: () => services.phase,
    checks: () => checks(services),
    now: () => formatInstant(systemClock.now()),
  });
  server.get('/metrics', async (_request, reply) => {
    metrics.livingGateways.set(services.node?.membership.living().length ?? 1);
    return reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  const application = await NestFactory.create<NestFastifyApplication>(
    PlatformModule.over(services),
    // Nest's adapter wants its own declaration of the same instance.
    new FastifyAdapter(server as unknown as ConstructorParameters<typeof FastifyAdapter>[0]),
    { logger: false, abortOnError: false },
  );
  mountDocumentation(application);
  return application;
}

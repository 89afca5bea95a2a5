import 'reflect-metadata';
import cors from '@fastify/cors';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import fastify, { type FastifyInstance } from 'fastify';
import { AdminHttpModule } from '#admin-http';
import { AnalyticsHttpModule } from '#analytics-http';
import { OPERATIONS_ROUTES } from '#configuration';
import type { AuthenticationFailureReason } from '#control';
import { systemClock, systemIdentifiers } from '#environment';
import { type AuthenticationFailure, type Check, v1Plane } from '#gateway';
import { protectAnswers } from '#http-edge';
import { createGuardedServer } from '#http-server';
import { AddressGuard } from '#inference/backends';
import { formatInstant, type RequestId } from '#kernel';
import { callReads } from './call-reads';
import { checkClock } from './check-clock';
import { connectionLimits } from './connection-limits';
import { makeDocuments } from './documents';
import { inviteBodies } from './invite-bodies';
import { Operations, OperationsServer } from './operations';
import type { Services } from './services';
import { checkStore } from './store-check';
import { answerUnreadable, answerUnroutable, HEAD_MS_MAX, REQUEST_MS_MAX } from './unroutable-requests';
import { version } from './version';

/** Longer than load balancers keep a connection, so that none sends on one that is just being closed. */
const KEEP_ALIVE_MS = 75_000;

@Module({})
class PlatformModule {
  static over(services: Services): DynamicModule {
    const { control, readSide, router, rates, bodyMemory, logger, ledger, configuration } = services;
    const guard = new AddressGuard(configuration.backendHosts);
    return {
      module: PlatformModule,
      imports: [
        AdminHttpModule.register({
          control,
          router,
          rates,
          bodyMemory,
          refusalOfBaseUrl: (url) => guard.refusalOf(url),
          onUnexpected: (error, requestId) => logger.error({ error, requestId }, 'a request failed'),
        }),
        AnalyticsHttpModule.register({ control, readSide, rates, timeOf: (orgId) => ledger.timeOf(orgId) }),
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

/** Codes of the inference plane as the security trail names them. */
const REASONS: Readonly<Record<AuthenticationFailure, AuthenticationFailureReason>> = {
  missing_api_key: 'missing_credential',
  conflicting_credentials: 'differing_credentials',
  invalid_api_key: 'invalid_api_key',
  key_revoked: 'key_revoked',
  key_expired: 'key_expired',
  ip_not_allowed: 'ip_not_allowed',
  key_suspended: 'key_suspended',
  organization_suspended: 'organization_suspended',
  insufficient_scope: 'insufficient_scope',
  foreign_id: 'foreign_id',
};

function registerV1(server: FastifyInstance, services: Services): void {
  const { control, runner, calls, readSide, active, rates, bodyMemory, logger, metrics, configuration } = services;
  const identifiers = systemIdentifiers(systemClock);
  const plane = v1Plane({
    runner,
    calls,
    models: control,
    authenticator: {
      authenticateKey: (secret, address) => control.authenticateKey(secret, address),
      lookFor: (secret) => control.lookFor(secret),
      authenticationFailed(address, code, keyId) {
        control.authenticationFailures.record(address, REASONS[code], keyId === undefined ? {} : { keyId });
        metrics.authenticationFailures.inc({ code });
      },
    },
    reads: callReads(readSide),
    clock: systemClock,
    newRequestId: (): RequestId => identifiers.id('req'),
    addressOf: (request) => request.ip,
    isAdmitting: () => services.phase === 'ready' && services.node?.mayAct() !== false,
    active,
    rates,
    bodyMemory,
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

/** What those ask who run the platform; the documents describe the planes that an application serves. */
async function operationsOf(services: Services, application: NestFastifyApplication): Promise<Operations> {
  const { configuration, metrics } = services;
  const { metricsToken } = configuration;
  return new Operations({
    metrics,
    ...(metricsToken === undefined ? {} : { metricsToken }),
    health: {
      version,
      startedAt: formatInstant(systemClock.now()),
      phase: () => services.phase,
      now: () => formatInstant(systemClock.now()),
    },
    checks: () => checks(services),
    beforeMetrics: () => metrics.livingGateways.set(services.node?.membership.living().length ?? 1),
    documents: await makeDocuments(application),
  });
}

export interface PlatformServer {
  /** All planes; closing it closes the port of operations, too. */
  readonly application: NestFastifyApplication;
  /** Opens the port of operations, where there is one, and says where it is. */
  listenForOperations(): Promise<string | undefined>;
}

/** The HTTP server of all planes. */
export async function createServer(services: Services): Promise<PlatformServer> {
  const { configuration } = services;
  const identifiers = systemIdentifiers(systemClock);
  const server = fastify({
    trustProxy: configuration.trustedProxies.length === 0 ? false : [...configuration.trustedProxies],
    serverFactory: (handle) =>
      createGuardedServer(handle, {
        limits: connectionLimits(configuration),
        headMsMax: HEAD_MS_MAX,
        // Until the request has arrived; how long its answer may take is governed by the call's own timeouts.
        requestMsMax: REQUEST_MS_MAX,
        keepAliveMs: KEEP_ALIVE_MS,
      }),
    forceCloseConnections: 'idle',
    // What comes while it closes gets the platform's own answer, in the shape of its route.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_024 },
    exposeHeadRoutes: false,
    frameworkErrors: answerUnroutable(identifiers),
    clientErrorHandler: answerUnreadable(identifiers),
  });
  protectAnswers(server);
  inviteBodies(server);
  registerV1(server, services);
  let operationsServer: OperationsServer | undefined;
  server.addHook('onClose', async () => operationsServer?.close());
  const application = await NestFactory.create<NestFastifyApplication>(
    PlatformModule.over(services),
    // Nest's adapter wants its own declaration of the same instance.
    new FastifyAdapter(server as unknown as ConstructorParameters<typeof FastifyAdapter>[0]),
    { logger: false, abortOnError: false, bodyParser: false },
  );
  const operations = await operationsOf(services, application);
  const elsewhere = configuration.operations?.only ?? [];
  for (const route of OPERATIONS_ROUTES) if (!elsewhere.includes(route)) operations.serve(server, route);
  return {
    application,
    async listenForOperations() {
      if (configuration.operations === undefined) return undefined;
      operationsServer = await OperationsServer.listen(configuration.operations, operations);
      return operationsServer.url;
    },
  };
}

import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { startPlatform, type TestMachine, type TestPlatform, testMachine } from '#control/testing';
import { systemClock, systemIdentifiers } from '#environment';
import { RequestRates } from '#http-edge';
import { newSystemTokenSecret, SECRET_RANDOM_BYTES, type SystemTokenHolder, systemTokenStream } from '#identity';
import { AddressGuard } from '#inference/backends';
import type { CallId } from '#kernel';
import { AdminHttpModule } from '../admin-http.module';
import { answerFrameworkErrors } from '../problems/problem.filter';
import type { RoutingInsight } from '../routing-insight';

type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Json;
  readonly text: string;
}

export interface TestServer extends TestPlatform {
  readonly application: NestFastifyApplication;
  readonly unexpected: unknown[];
  /** The administrator's, which is sent where nothing else is said. */
  readonly token: string;
  /** With the administrator's token, unless other headers are given. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  issueToken(holder: SystemTokenHolder): Promise<string>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function issueToken({ control }: TestPlatform, holder: SystemTokenHolder): Promise<string> {
  const { actor, at, identifiers } = control.systemContext('test');
  const tokenId = identifiers.id('tok');
  const { secret, ...made } = newSystemTokenSecret(holder, tokenId, identifiers.random(SECRET_RANDOM_BYTES));
  const command = { type: 'IssueSystemToken', at, tokenId, holder, name: 'test', ...made } as const;
  await control.records.systemTokens.execute(systemTokenStream(tokenId), command, { actor });
  return secret;
}

/** Where every backend of the catalogue is well, and one call was sent. */
function router({ control, clock }: TestPlatform): RoutingInsight {
  const sent = { at: clock.now(), callId: 'req_1' as CallId, model: 'm', backend: 'provider' };
  return {
    statuses: () =>
      [...control.backends().values()].map(({ id: backendId, name, service = 'in-service' }) => ({
        backendId,
        name,
        service,
        circuit: 'closed',
        consecutiveFailures: 0,
        ownCircuits: [],
      })),
    recentDecisions: (limit) => [{ ...sent, decision: 'primary' as const }].slice(0, limit),
  };
}

/** Rates that no test meets that does not want to. */
export function generousRates(): RequestRates {
  return new RequestRates({ refusedPerSecond: 100_000, freePerSecond: 100_000, clock: systemClock });
}

/** Starts the command side with its HTTP edge; nothing listens, requests are injected. */
export async function startServer(
  machine: TestMachine = testMachine(),
  appends?: number,
  rates?: RequestRates,
): Promise<TestServer> {
  return serve(await startPlatform(machine, appends), rates);
}

/** The HTTP edge of a command side that was started before; it is closed with the edge. */
export async function serve(platform: TestPlatform, rates = generousRates()): Promise<TestServer> {
  const token = await issueToken(platform, { type: 'system', id: 'administrator' });
  const unexpected: unknown[] = [];
  const application = await NestFactory.create<NestFastifyApplication>(
    AdminHttpModule.register({
      control: platform.control,
      rates,
      router: router(platform),
      refusalOfBaseUrl: (url) => new AddressGuard().refusalOf(url),
      onUnexpected: (error) => unexpected.push(error),
    }),
    new FastifyAdapter({
      routerOptions: { maxParamLength: 1_024 },
      frameworkErrors: answerFrameworkErrors(systemIdentifiers(platform.clock)),
    }),
    { logger: false, abortOnError: false, bodyParser: false },
  );
  await application.init();
  await application.getHttpAdapter().getInstance().ready();
  return {
    ...platform,
    application,
    unexpected,
    token,
    issueToken: (holder) => issueToken(platform, holder),
    async send(method, path, body, headers = {}) {
      const response = await application.inject({
        method: method as Method,
        url: path,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = response.body;
      const isJson = String(response.headers['content-type']).includes('json');
      return {
        status: response.statusCode,
        headers: response.headers,
        body: (isJson && text !== '' ? JSON.parse(text) : {}) as Json,
        text,
      };
    },
    async close() {
      await application.close();
      await platform.close();
    },
  };
}

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDbEventStore, parseConnectionString } from '#event-store/eventstoredb';
import type { OrganizationId, StoredEvent } from '#kernel';
import { ledgerStream } from '#ledger';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { GatewayProcess } from '#testing/gateway-cluster';
import { type MockPlan, MockUpstream, modelFor } from '#testing/mock-upstream';
import { type RecordedLedgerEvent, readLedger } from '#testing/platform-process';
import { RealStoreServer, serverCommandOf } from '#testing/real-store-server';

/** Starting several processes and waiting for a lease takes its time on a busy machine; a hang is still noticed. */
jest.setTimeout(120_000);

const GENEROUS = { requestsPerMinute: 100_000_000, burst: 100_000_000, concurrency: 10_000 };
const POLL_MS = 50;

export interface Customer {
  readonly orgId: string;
  readonly projectId: string;
  readonly budgetId: string;
  readonly key: { readonly id: string; readonly secret: string };
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of an error, wherever it stands. */
  readonly code: string | undefined;
}

export interface CallOptions {
  readonly stream?: boolean;
  readonly maxTokens?: number;
}

export interface Arrival {
  readonly marker: string;
  readonly at: number;
}

export interface Health {
  readonly status: number;
  readonly checks: Readonly<Record<string, { readonly status: string; readonly message?: string }>>;
}

/** Resolves with the first value that is not undefined. @throws Error saying what did not come. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${timeoutMs} ms`);
    await sleep(POLL_MS);
  }
}

function codeIn(text: string): string | undefined {
  return /"code":"(\w+)"/.exec(text)?.[1];
}

export async function readCall(response: Response): Promise<CallAnswer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, code: codeIn(text) };
}

/** What a test does to the store itself: both the double and a real server let it. */
interface StoreUnderTest {
  readonly connectionString: string;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  /** What is given is put back later: what was written in between is gone. */
  backUp(): Promise<() => Promise<void>>;
  /** Bytes as they are, whatever a gateway would make of them. */
  append(stream: string, events: readonly { id: string; type: string; body: Uint8Array }[]): Promise<void>;
  dispose(): Promise<void>;
}

/** The server that the environment says how to start, else the protocol double in the test's own process. */
async function startStore(dataDir: string): Promise<StoreUnderTest> {
  const command = serverCommandOf(process.env);
  if (command !== undefined) {
    const server = await RealStoreServer.start(command, dataDir);
    return {
      connectionString: server.connectionString,
      kill: () => server.kill(),
      startAgain: () => server.startAgain(),
      async backUp() {
        const copy = await server.backUp();
        return () => server.restore(copy);
      },
      append: (stream, events) => server.append(stream, events),
      dispose: () => server.dispose(),
    };
  }
  const double = await EventStoreDbDouble.start();
  return {
    connectionString: double.connectionString,
    kill: () => double.kill(),
    startAgain: () => double.startAgain(),
    async backUp() {
      const backup = double.backUp();
      return () => double.restore(backup);
    },
    append: async (stream, events) => double.append(stream, events),
    dispose: () => double.dispose(),
  };
}

/** Gateways on one store, and a backend beside them. */
export class Gateways {
  #names = 0;

  private constructor(
    readonly store: StoreUnderTest,
    readonly upstream: MockUpstream,
    readonly gateways: readonly GatewayProcess[],
    private readonly directory: string,
  ) {}

  static async open(count: number): Promise<Gateways> {
    const directory = mkdtempSync(join(tmpdir(), 'aiaas-gateways-'));
    const store = await startStore(join(directory, 'store'));
    const upstream = await MockUpstream.start({ logFile: join(directory, 'upstream.jsonl') });
    const { connectionString } = store;
    const sharedDir = join(directory, 'shared');
    const gateways = Array.from({ length: count }, (_, index) =>
      GatewayProcess.spawn({ connectionString, sharedDir, dataDir: join(directory, `gateway-${index}`) }),
    );
    const opened = new Gateways(store, upstream, gateways, directory);
    try {
      await Promise.all(gateways.map((gateway) => gateway.ready()));
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  async close(): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway.kill('SIGKILL')));
    await this.upstream.close();
    await this.store.dispose();
    rmSync(this.directory, { recursive: true, force: true });
  }

  gateway(index: number): GatewayProcess {
    const gateway = this.gateways[index];
    if (gateway === undefined) throw new Error(`there is no gateway ${index}`);
    return gateway;
  }

  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}-${this.#names}`;
  }

  /** A model that is answered as planned, known to every gateway. */
  async model(plan: Partial<MockPlan> = {}): Promise<string> {
    const { admin } = this.gateway(0);
    const [backend, id] = [this.name('backend'), this.name('model')];
    await admin.createBackend(backend, this.upstream.baseUrl);
    await admin.createModel({ id, backend, upstreamModel: modelFor(plan), prices: { input: '1', output: '2' } });
    return id;
  }

  async customer(limit = '10'): Promise<Customer> {
    const { admin } = this.gateway(0);
    const name = this.name('customer');
    const orgId = await admin.createOrganization(name, name);
    const projectId = await admin.createProject(orgId, 'Project');
    const key = await this.key(orgId, projectId);
    const budgetId = await admin.createBudget(orgId, limit);
    return { orgId, projectId, key, budgetId };
  }

  async key(orgId: string, projectId: string): Promise<Customer['key']> {
    const { admin } = this.gateway(0);
    const key = await admin.createKey(orgId, projectId, { name: this.name('Key') });
    await admin.setKeyLimits(orgId, key.id, GENEROUS);
    return key;
  }

  /** The response before its body is read. */
  open(index: number, secret: string, model: string, marker: string, options: CallOptions = {}): Promise<Response> {
    const { stream = false, maxTokens = 10 } = options;
    const messages = [{ role: 'user', content: `Say something about ${marker}.` }];
    return fetch(`${this.gateway(index).url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        'content-type': 'application/json',
        'x-client-request-id': marker,
      },
      body: JSON.stringify({ model, messages, max_tokens: maxTokens, ...(stream ? { stream } : {}) }),
    });
  }

  async call(index: number, secret: string, model: string, marker: string, options?: CallOptions): Promise<CallAnswer> {
    return readCall(await this.open(index, secret, model, marker, options));
  }

  /** Calls that reached the backend, as it saw them. */
  arrivals(prefix: string): Arrival[] {
    const lines = readFileSync(join(this.directory, 'upstream.jsonl'), 'utf8').split('\n').slice(0, -1);
    return lines
      .map((line) => JSON.parse(line) as Partial<Arrival> & { at: number })
      .flatMap(({ marker, at }) => (marker?.startsWith(prefix) === true ? [{ marker, at }] : []));
  }

  async ledger(orgId: string): Promise<readonly RecordedLedgerEvent[]> {
    return readLedger(async () => this.#reader(), orgId as OrganizationId);
  }

  /** Types of what the record says about a call, by the id that its client gave it. */
  async typesOf(orgId: string, marker: string): Promise<string[]> {
    const events = (await this.ledger(orgId)).map(({ event }) => event);
    const authorized = events.find(
      ({ type, data }) =>
        type === 'InferenceAuthorized' && 'clientRequestId' in data && data.clientRequestId === marker,
    );
    if (authorized === undefined || !('callId' in authorized.data)) return [];
    const { callId } = authorized.data;
    return events.filter(({ data }) => 'callId' in data && data.callId === callId).map(({ type }) => type);
  }

  async health(index: number): Promise<Health> {
    const response = await fetch(`${this.gateway(index).url}/health/ready`);
    const { checks } = (await response.json()) as Pick<Health, 'checks'>;
    return { status: response.status, checks };
  }

  untilReady(index: number): Promise<Health> {
    return until(`gateway ${index} that is ready`, async () => {
      const health = await this.health(index);
      return health.status === 200 ? health : undefined;
    });
  }

  /** Events of one stream as they were stored. */
  async stored(orgId: string): Promise<readonly StoredEvent[]> {
    const reader = this.#reader();
    try {
      const events: StoredEvent[] = [];
      for await (const event of reader.readStream(ledgerStream(orgId as OrganizationId))) events.push(event);
      return events;
    } finally {
      await reader.close();
    }
  }

  #reader(): EventStoreDbEventStore {
    return new EventStoreDbEventStore(parseConnectionString(this.store.connectionString));
  }
}

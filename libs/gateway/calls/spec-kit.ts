import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { MemoryAnswerStore } from '#answer-store/memory';
import { systemIdentifiers, systemTimers } from '#environment';
import { MemoryEventStore } from '#event-store/memory';
import type { ResponseCache as CachePolicy } from '#identity';
import { type CircuitSettings, type ClientBody, NO_BODY, readClientText } from '#inference';
import { type BackendClient, SimulatorBackendClient } from '#inference/backends';
import { type Backend, currentPrices, type Model, upcomingPrices } from '#inference/catalogue';
import {
  type ApiKeyId,
  type BackendId,
  type BootId,
  type CallId,
  type Clock,
  epochMs,
  type ModelId,
  nanoUsd,
  type OrganizationId,
  type Prices,
  type ProjectId,
} from '#kernel';
import { MemoryKeyStore } from '#key-store/memory';
import {
  type CommandMetadata,
  type LedgerCommand,
  type LedgerEvent,
  LedgerService,
  ledgerCodec,
  ledgerStream,
} from '#ledger';
import { Router } from '../routing/router';
import { CallCut } from './call-cut';
import { CallRunner } from './call-runner';
import type { Caller } from './caller';
import { ClientConnection } from './client-connection';
import type { Dialect, MeteredRequest } from './dialect';
import { KeyedAnswers } from './keyed-answers';
import type { CallDependencies, CallReport, ModelDirectory } from './ports';
import { ResponseCache } from './response-cache';
import { type CallSettings, DEFAULT_CALL_SETTINGS } from './settings';

/** The inference plane in memory, without HTTP, for specs of whole calls. */

export const ORG = 'org_a' as OrganizationId;
export const PROJECT = 'prj_a' as ProjectId;
export const KEY = 'key_a' as ApiKeyId;
const OWNER = 'boot_a' as BootId;
export const SPEC: CommandMetadata = { actor: { type: 'system', id: 'spec' } };
const NEVER_OPENS = { failuresMax: 1_000_000, openMs: 1 };

/** A value as a client sends it. */
export function sentBody(value: unknown): ClientBody {
  return value === undefined ? NO_BODY : readClientText(JSON.stringify(value));
}

/** A hundred nano-USD per token in, two hundred per token out. */
export const PRICES: Prices = {
  version: 1,
  input: nanoUsd(100_000_000n),
  cachedInput: nanoUsd(100_000_000n),
  cacheWrite: nanoUsd(100_000_000n),
  output: nanoUsd(200_000_000n),
};

export class HandClock implements Clock {
  private ms = Date.UTC(2026, 4, 13, 12);
  now = () => epochMs(this.ms);
  monotonicMs = () => this.ms;

  pass(ms: number): void {
    this.ms += ms;
  }
}

/** What a client got, as far as it got it. */
export class ClientSide extends EventEmitter {
  status = 0;
  headers: Readonly<Record<string, unknown>> = {};
  text = '';
  headersSent = false;
  writableFinished = false;
  writableEnded = false;
  destroyed = false;
  closed = false;

  writeHead(status: number, headers: Readonly<Record<string, unknown>>): void {
    this.status = status;
    this.headers = headers;
    this.headersSent = true;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  end(text = ''): void {
    this.text += text;
    this.writableFinished = true;
    this.writableEnded = true;
  }

  /** The client goes away. */
  leave(): void {
    this.destroyed = true;
    this.closed = true;
    this.emit('close');
  }

  connection(): ClientConnection {
    return new ClientConnection(this as unknown as ServerResponse);
  }
}

export function simulatedBackend(name: string, rest: Partial<Backend> = {}): Backend {
  return {
    id: `bkd_${name}` as BackendId,
    name,
    kind: 'simulator',
    baseUrl: 'http://simulator.invalid',
    timeouts: { connectMs: 60_000, firstByteMs: 60_000, idleMs: 60_000 },
    outputCapField: 'max_tokens',
    streamUsage: true,
    dropFields: [],
    unbilledServerErrors: false,
    ...rest,
  };
}

export function simulatedModel(id: string, upstreamModel: string, rest: Partial<Model> = {}): Model {
  return {
    id: id as ModelId,
    kind: 'chat',
    visibility: 'all',
    routes: [{ backendId: 'bkd_main' as BackendId, upstreamModel, weight: 1 }],
    contextTokens: 2_000,
    maxOutputTokens: 500,
    defaultOutputTokens: 200,
    hiddenReasoning: false,
    bounds: { textFactor: 1, requestOverheadTokens: 3, messageOverheadTokens: 4, toolOverheadTokens: 8 },
    prices: [{ ...PRICES, effectiveFrom: epochMs(0) }],
    ...rest,
  };
}

export interface CallWorldOptions {
  readonly models: readonly Model[];
  readonly backends?: readonly Backend[];
  /** Upstream models whose calls are not waited for. */
  readonly isKept?: (upstreamModel: string) => boolean;
  readonly responseCache?: CachePolicy;
  readonly circuit?: CircuitSettings;
  readonly settings?: Partial<CallSettings>;
}

function directoryOf(models: readonly Model[], backends: ReadonlyMap<BackendId, Backend>): ModelDirectory {
  return {
    findCallableModel(caller, id, at) {
      const model = models.find((one) => one.id === id);
      if (model === undefined) return { ok: false, code: 'model_not_found' };
      if (caller.models !== undefined && !caller.models.includes(id)) return { ok: false, code: 'model_not_allowed' };
      const prices = currentPrices(model, at);
      return prices === undefined
        ? { ok: false, code: 'model_not_priced' }
        : { ok: true, model, prices, upcoming: upcomingPrices(model, at) };
    },
    callableModels: () => models,
    backends: () => backends,
  };
}

/** Counts the calls that reach the simulator, and tells when one has that is not waited for. */
class WatchedSimulator implements BackendClient {
  private readonly simulator = new SimulatorBackendClient();
  calls = 0;
  kept: () => void = () => undefined;
  /** How many attempts more find nobody who listens. */
  attemptsInVain = 0;

  constructor(private readonly isKept: (upstreamModel: string) => boolean) {}

  open(call: Parameters<BackendClient['open']>[0]): ReturnType<BackendClient['open']> {
    if (this.attemptsInVain > 0) {
      this.attemptsInVain -= 1;
      return Promise.resolve({ kind: 'failure', failure: { kind: 'connect-failed', reason: 'ECONNREFUSED' } });
    }
    if (this.isKept(String(call.body.model))) setImmediate(this.kept);
    const whyNotStart = () => {
      const why = call.whyNotStart();
      if (why === undefined) this.calls += 1;
      return why;
    };
    return this.simulator.open({ ...call, whyNotStart });
  }

  close(): Promise<void> {
    return this.simulator.close();
  }
}

export class CallWorld {
  readonly clock = new HandClock();
  readonly reports: CallReport[] = [];
  /** Mistakes of the platform. */
  readonly problems: unknown[] = [];
  /** Whether the other gateways take this one for alive. */
  isLeaseHeld = true;
  readonly deps: CallDependencies;
  private readonly identifiers = systemIdentifiers(this.clock);
  private readonly store = new MemoryEventStore();
  private readonly simulator: WatchedSimulator;
  private readonly open = new Map<ClientSide, Promise<void>>();

  constructor(private readonly options: CallWorldOptions) {
    const { models, backends: given = [simulatedBackend('main')], isKept = () => false } = options;
    const { clock, identifiers } = this;
    const backends = new Map(given.map((one) => [one.id, one]));
    const answers = new MemoryAnswerStore();
    const keyStore = new MemoryKeyStore();
    const simulator = new WatchedSimulator(isKept);
    this.simulator = simulator;
    this.deps = {
      ledger: new LedgerService(this.store, {
        clock,
        timers: systemTimers,
        newEventId: () => identifiers.eventId(),
        isOwnerAlive: () => true,
      }),
      models: directoryOf(models, backends),
      backendClient: () => simulator,
      keyedAnswers: new KeyedAnswers(answers, keyStore, clock),
      responseCache: new ResponseCache(answers, keyStore, clock),
      clock,
      owner: OWNER,
      mayDispatch: () => this.isLeaseHeld,
      cut: new CallCut(),
      router: new Router({
        backends: () => backends,
        clock,
        random: () => 0,
        settings: options.circuit ?? NEVER_OPENS,
      }),
      observer: {
        exceeded: () => undefined,
        ended: (report) => this.reports.push(report),
        failed: (error) => this.problems.push(error),
      },
      // Whoever would have to wait for others is refused at once.
      settings: {
        ...DEFAULT_CALL_SETTINGS,
        concurrencyWaitMs: 0,
        budgetWaitMs: 0,
        repeatWaitMs: 0,
        retryPauseMs: 1,
        ...options.settings,
      },
    };
  }

  /** The next attempts find nobody who listens. */
  failToConnect(times: number): void {
    this.simulator.attemptsInVain = times;
  }

  /** Calls that a backend has got. */
  get dispatched(): number {
    return this.simulator.calls;
  }

  caller(rest: Partial<Caller> = {}): Caller {
    const { responseCache } = this.options;
    return {
      orgId: ORG,
      projectId: PROJECT,
      keyId: KEY,
      requestId: this.identifiers.id('req'),
      routing: {},
      allowsStoredAnswers: true,
      ...(responseCache === undefined ? {} : { responseCache }),
      bypassesCache: false,
      arrivedMs: this.clock.monotonicMs(),
      ...rest,
    };
  }

  async submit(command: LedgerCommand): Promise<void> {
    const outcome = await this.deps.ledger.submit(ORG, command, SPEC);
    if (!outcome.ok) throw new Error(`${command.type}: ${outcome.refusal.message}`);
  }

  /** What the record says of one call. */
  async recorded(callId: CallId, orgId = ORG): Promise<readonly LedgerEvent[]> {
    const events: LedgerEvent[] = [];
    for await (const stored of this.store.readStream(ledgerStream(orgId))) {
      const event = ledgerCodec.decode(stored)?.event;
      if (event !== undefined && 'callId' in event.data && event.data.callId === callId) events.push(event);
    }
    return events;
  }

  /** Resolves when the call has ended, or when a backend has it that keeps it. */
  async run<R extends MeteredRequest>(
    dialect: Dialect<R>,
    body: unknown,
    from = this.caller(),
    side = new ClientSide(),
  ): Promise<ClientSide> {
    const isKept = new Promise<void>((resolve) => {
      this.simulator.kept = resolve;
    });
    const call = new CallRunner(this.deps).run(dialect, sentBody(body), from, side.connection());
    const running = call.finally(() => this.open.delete(side));
    this.open.set(side, running);
    await Promise.race([running, isKept]);
    return side;
  }

  /** Lets every call end that is still under way. */
  async close(): Promise<void> {
    const rest = [...this.open];
    for (const [side] of rest) side.leave();
    await Promise.all(rest.map(([, running]) => running));
    await this.deps.ledger.stop();
  }
}

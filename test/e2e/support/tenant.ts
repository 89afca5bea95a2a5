import OpenAI, { type ClientOptions } from 'openai';
import type { BudgetId } from '#kernel';
import { budgetView, type LedgerEvent, type LedgerEventOf, type LedgerEventType } from '#ledger';
import type { PlatformProcess } from '#testing/platform-process';
import { type Answer, read } from './answers';

export interface TenantOptions {
  /** USD. */
  readonly limit?: string;
  readonly limits?: Readonly<Record<string, number>>;
  /** Of its key. */
  readonly key?: Readonly<Record<string, unknown>>;
}

/** What a budget counts, in nano-USD. */
export interface Money {
  readonly settled: bigint;
  readonly held: bigint;
  readonly unresolved: bigint;
}

type Body = Readonly<Record<string, unknown>>;

/** Limits that no test meets by accident. */
const GENEROUS = { requestsPerMinute: 60_000, burst: 10_000, concurrency: 100 };

export function chatBody(model: string, rest: Body = {}): Body {
  return { model, messages: [{ role: 'user', content: 'How are you?' }], max_tokens: 100, ...rest };
}

export function eventOf<T extends LedgerEventType>(events: readonly LedgerEvent[], type: T): LedgerEventOf<T>['data'] {
  const found = events.find((event) => event.type === type);
  if (found === undefined) throw new Error(`no ${type} among ${events.map((event) => event.type).join(', ')}`);
  return found.data as LedgerEventOf<T>['data'];
}

/** One customer of the platform, as its developers and its accountants see it. */
export class Tenant {
  private constructor(
    private readonly platform: PlatformProcess,
    readonly slug: string,
    readonly orgId: string,
    readonly projectId: string,
    readonly key: { readonly id: string; readonly secret: string },
    readonly budgetId: string,
  ) {}

  static async create(platform: PlatformProcess, slug: string, options: TenantOptions = {}): Promise<Tenant> {
    const { admin } = platform;
    const orgId = await admin.createOrganization(slug, slug);
    const projectId = await admin.createProject(orgId, 'Project');
    const key = await admin.createKey(orgId, projectId, options.key);
    await admin.setKeyLimits(orgId, key.id, options.limits ?? GENEROUS);
    const budgetId = await admin.createBudget(orgId, options.limit ?? '10');
    return new Tenant(platform, slug, orgId, projectId, key, budgetId);
  }

  /** The official client, without retries unless they are asked for. */
  openai(options: ClientOptions = {}): OpenAI {
    return new OpenAI({ baseURL: `${this.platform.url}/v1`, apiKey: this.key.secret, maxRetries: 0, ...options });
  }

  /** The response before its body is read. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const authorization = `Bearer ${this.key.secret}`;
    return fetch(`${this.platform.url}/v1${path}`, {
      ...init,
      headers: { authorization, 'content-type': 'application/json', ...(init.headers as Record<string, string>) },
    });
  }

  async get(path: string): Promise<Answer> {
    return read(await this.fetch(path));
  }

  async post(path: string, body: Body | string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return read(await this.fetch(path, { method: 'POST', body: text, headers }));
  }

  chat(model: string, rest: Body = {}, headers?: Readonly<Record<string, string>>): Promise<Answer> {
    return this.post('/chat/completions', chatBody(model, rest), headers);
  }

  /** What the record says of one call, once it is over. */
  async recorded(requestId: string): Promise<readonly LedgerEvent[]> {
    await this.platform.callLogged(requestId);
    return this.platform.callEvents(this.orgId, requestId);
  }

  /** Types of the events of one call, without those that every first call of a budget's period brings. */
  async recordedTypes(requestId: string): Promise<readonly string[]> {
    return (await this.recorded(requestId)).map(({ type }) => type);
  }

  /** What the record proves that the budget counts. */
  async money(): Promise<Money> {
    const state = await this.platform.ledgerState(this.orgId);
    const view = budgetView(state, this.budgetId as BudgetId, state.time);
    if (view === undefined) throw new Error('the budget is not on record');
    return { settled: view.settled, held: view.held, unresolved: view.unresolved };
  }

  async holdsOpen(): Promise<number> {
    return (await this.platform.ledgerState(this.orgId)).holds.size;
  }
}

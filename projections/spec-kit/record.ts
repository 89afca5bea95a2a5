import { MemoryEventStore } from '#event-store/memory';
import {
  type ApiKeyId,
  type BackendId,
  type BootId,
  type BudgetId,
  type CallId,
  composeEventId,
  composeId,
  type EpochMs,
  type EventEnvelope,
  epochMs,
  type ModelId,
  nanoUsd,
  type OrganizationId,
  type Prices,
  type ProjectId,
  parseInstant,
  type StoredEvent,
  type TeamId,
} from '#kernel';
import {
  type AuthorizeCall,
  type BudgetScope,
  decide,
  evolve,
  initialLedgerState,
  type LedgerCommand,
  type LedgerEvent,
  type LedgerState,
  ledgerCodec,
  ledgerStream,
} from '#ledger';

/** A small source of numbers that look random and are the same every time. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `sides` (mulberry32). */
  below(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * sides);
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}

function bytesOf(serial: number): Uint8Array {
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(6, serial);
  return bytes;
}

const SINCE = 1_767_225_600_000;

export const orgId: OrganizationId = composeId('org', SINCE, bytesOf(1));
export const projectIds: readonly [ProjectId, ...ProjectId[]] = [
  composeId('prj', SINCE, bytesOf(1)),
  composeId('prj', SINCE, bytesOf(2)),
];
export const keyIds: readonly [ApiKeyId, ...ApiKeyId[]] = [
  composeId('key', SINCE, bytesOf(1)),
  composeId('key', SINCE, bytesOf(2)),
  composeId('key', SINCE, bytesOf(3)),
];
export const teamId: TeamId = composeId('team', SINCE, bytesOf(1));
export const budgetIds: readonly [BudgetId, ...BudgetId[]] = [
  composeId('bgt', SINCE, bytesOf(1)),
  composeId('bgt', SINCE, bytesOf(2)),
  composeId('bgt', SINCE, bytesOf(3)),
];
export const backendIds: readonly [BackendId, ...BackendId[]] = [
  composeId('bkd', SINCE, bytesOf(1)),
  composeId('bkd', SINCE, bytesOf(2)),
];
export const models: readonly [ModelId, ...ModelId[]] = ['echo' as ModelId, 'maker/large' as ModelId];
const owner: BootId = composeId('boot', SINCE, bytesOf(1));

/** One token costs one nano-USD. */
const PRICES: Prices = {
  version: 1,
  input: nanoUsd(1_000_000n),
  cachedInput: nanoUsd(1_000_000n),
  cacheWrite: nanoUsd(1_000_000n),
  output: nanoUsd(1_000_000n),
};

export function instant(text: string): EpochMs {
  const at = parseInstant(text);
  if (at === undefined) throw new RangeError(`"${text}" is no time`);
  return at;
}

/** The record of one organization, written by the ledger's own decider. */
export class Record {
  readonly store = new MemoryEventStore();
  now: EpochMs = instant('2026-05-13T12:00:00.000Z');
  state: LedgerState = initialLedgerState;
  #serial = 0;

  constructor(readonly organization: OrganizationId = orgId) {}

  nextCallId(): CallId {
    this.#serial += 1;
    return composeId('req', this.now, bytesOf(this.#serial));
  }

  later(ms: number): this {
    this.now = epochMs(this.now + ms);
    return this;
  }

  /** Decides a command and records what it decided, refused or not. */
  async perform(command: LedgerCommand): Promise<readonly LedgerEvent[]> {
    const decision = decide(command, this.state, { now: this.now });
    await this.write(decision.events);
    return decision.events;
  }

  async write(events: readonly LedgerEvent[]): Promise<void> {
    if (events.length === 0) return;
    const envelopes = events.map((event): EventEnvelope<LedgerEvent> => {
      this.#serial += 1;
      const id = composeEventId(this.now, bytesOf(this.#serial));
      return {
        id,
        event,
        metadata: { actor: { type: 'system', id: 'spec' }, at: this.now, orgId: this.organization },
      };
    });
    for (const { id, event } of envelopes) this.state = evolve(this.state, { id, event, at: this.now });
    await this.store.append(ledgerStream(this.organization), 'any', envelopes.map(ledgerCodec.encode));
  }

  async events(): Promise<readonly StoredEvent[]> {
    const events: StoredEvent[] = [];
    for await (const event of this.store.readAll()) events.push(event);
    return events;
  }

  authorize(options: Partial<AuthorizeCall> = {}): AuthorizeCall {
    return {
      type: 'AuthorizeCall',
      callId: this.nextCallId(),
      keyId: keyIds[0],
      projectId: projectIds[0],
      model: models[0],
      endpoint: 'chat',
      stream: false,
      backendId: backendIds[0],
      prices: PRICES,
      bounds: {
        inputTokensMax: 1_000,
        inputTokensEstimate: 500,
        outputTokensCap: 1_000,
        outputCapSource: 'client',
        outputsMax: 1,
      },
      outputTokensCapMin: 1,
      owner,
      dispatchWindowMs: 10_000,
      holdMs: 900_000,
      ...options,
    };
  }
}

export function traced(latencyMs: number, backendId: BackendId = backendIds[0], firstByteMs?: number) {
  return {
    attempts: [{ backendId, status: 200, totalMs: latencyMs }],
    latencyMs,
    ...(firstByteMs === undefined ? {} : { firstByteMs }),
  };
}

export function completing(callId: CallId, tokens: number, latencyMs = 100): LedgerCommand {
  return {
    type: 'CompleteCall',
    callId,
    usage: { input: tokens, cachedInput: 1, cacheWrite: 2, output: 3 },
    certainty: 'reported',
    outcome: 'complete',
    finishReason: 'stop',
    trace: traced(latencyMs, backendIds[0], Math.floor(latencyMs / 2)),
  };
}

function budgetCommand(dice: Dice): LedgerCommand {
  const budgetId = dice.pick(budgetIds);
  const limit = BigInt(dice.below(60_000));
  switch (dice.below(8)) {
    case 0:
    case 1:
    case 2:
      return { type: 'ChangeBudget', budgetId, limit };
    case 3:
      return dice.below(6) === 0 ? { type: 'EndBudget', budgetId } : { type: 'ChangeBudget', budgetId, limit };
    case 4:
      return { type: 'AssignProject', projectId: projectIds[0], ...(dice.below(2) === 0 ? {} : { teamId }) };
    default:
      return {
        type: 'DefineBudget',
        budgetId,
        name: `b${dice.below(9)}`,
        scope: dice.pick<BudgetScope>([
          { type: 'organization' },
          { type: 'api-key', id: keyIds[0] },
          { type: 'team', id: teamId },
        ]),
        unit: dice.pick(['cost', 'tokens', 'requests']),
        period: dice.pick(['daily', 'monthly', 'total']),
        limit,
        mode: dice.pick(['block', 'warn', 'notify']),
        thresholds: [50, 100],
        timeZone: dice.pick(['UTC', 'Asia/Kolkata', 'America/New_York']),
      };
  }
}

function resolving(dice: Dice, callId: CallId): LedgerCommand {
  if (dice.below(2) === 0) {
    const cost = nanoUsd(BigInt(dice.below(3_000)));
    return { type: 'ResolveCall', callId, source: 'operator', cost, reason: 'invoice' };
  }
  return {
    type: 'ResolveCalls',
    filter: dice.below(2) === 0 ? {} : { model: dice.pick(models) },
    at: { kind: dice.pick(['counted', 'ceiling']) },
    source: 'operator',
    reason: 'asked',
    callsMax: 1 + dice.below(3),
    commandId: `command-${dice.below(1_000)}`,
  };
}

/** One of the things that can happen to calls and budgets next, in any state whatever. */
function nextCommand(record: Record, dice: Dice, calls: CallId[]): LedgerCommand {
  const callId = calls[dice.below(calls.length)] ?? record.nextCallId();
  const trace = traced(1 + dice.below(3_000), dice.pick(backendIds), dice.below(2) === 0 ? undefined : dice.below(500));
  switch (dice.below(20)) {
    case 0:
    case 1:
    case 2:
      return budgetCommand(dice);
    case 3:
    case 4:
      return {
        type: 'FailCall',
        callId,
        error: 'backend_error',
        billed: dice.pick(['never', 'unknown']),
        ...(dice.below(2) === 0 ? {} : { counted: { input: 40, cachedInput: 0, cacheWrite: 0, output: 0 } }),
        trace,
      };
    case 5:
      return { type: 'ReleaseCall', callId, owner, reason: 'connect failed', dispatched: dice.below(2) === 0, trace };
    case 6: {
      const counted = { input: dice.below(900), cachedInput: 0, cacheWrite: 0, output: 5 };
      return { type: 'AbandonCall', callId, reason: 'client_left', trace, ...(dice.below(2) === 0 ? {} : { counted }) };
    }
    case 7:
      return { type: 'ExpireCall', callId, cause: 'owner-dead' };
    case 8:
    case 9:
      return resolving(dice, callId);
    case 10: {
      const refusedCall = record.nextCallId();
      return {
        type: 'CountRefusals',
        keyId: dice.pick(keyIds),
        projectId: dice.pick(projectIds),
        model: dice.pick(models),
        code: 'rate_limit_exceeded',
        count: 1 + dice.below(40),
        callIds: [refusedCall],
        from: record.now,
      };
    }
    case 11:
    case 12:
    case 13:
    case 14:
      return {
        ...completing(callId, dice.below(2_500), 1 + dice.below(9_000)),
        outcome: dice.pick(['complete', 'interrupted']),
        trace,
      } as LedgerCommand;
    default: {
      const command = record.authorize({
        keyId: dice.pick(keyIds),
        projectId: dice.pick(projectIds),
        model: dice.pick(models),
        endpoint: dice.pick(['chat', 'embedding']),
        stream: dice.below(2) === 0,
        backendId: dice.pick(backendIds),
      });
      calls.push(command.callId);
      return command;
    }
  }
}

/** A record in which anything may have happened, the same for the same seed. */
export async function someRecord(seed: number, commands: number, organization?: OrganizationId): Promise<Record> {
  const dice = new Dice(seed);
  const record = new Record(organization);
  const calls: CallId[] = [];
  for (let i = 0; i < commands; i += 1) {
    await record.perform(nextCommand(record, dice, calls));
    record.later(dice.below(10) === 0 ? dice.below(7_200_000) : dice.below(30_000));
  }
  return record;
}

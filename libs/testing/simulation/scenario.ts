import {
  type ApiKeyId,
  type BackendId,
  type BootId,
  type BudgetId,
  type CallBounds,
  composeId,
  type EpochMs,
  type ModelId,
  nanoUsd,
  type Prices,
  type ProjectId,
  type TeamId,
} from '#kernel';
import type {
  AuthorizeCall,
  BarSubject,
  BudgetScope,
  DefineBudget,
  LedgerCommand,
  LedgerWriterSettings,
  Limits,
  UnresolvedPolicy,
} from '#ledger';
import type { Random } from './random';

function named<T extends string>(first: string, ...rest: readonly string[]): readonly [T, ...T[]] {
  return [first as T, ...rest.map((name) => name as T)];
}

const KEYS = named<ApiKeyId>('key_a', 'key_b', 'key_c');
const PROJECTS = named<ProjectId>('prj_a', 'prj_b');
const TEAMS = named<TeamId>('team_a', 'team_b');
const MODELS = named<ModelId>('chat', 'vision', 'embed');
const BACKEND = 'bkd_1' as BackendId;

/** One world: who is in it, what things cost, and what its operators do. */
export interface Scenario {
  readonly writers: number;
  readonly settings: Partial<LedgerWriterSettings>;
  /** How often processes crash, as a weight among an operator's and callers' actions. */
  readonly crashWeight: number;
  /** Whether wall clocks are ever set. */
  readonly hasJumps: boolean;
  /** Whether its store tells a repeated append from a conflict. */
  readonly knowsRepeats: boolean;
  readonly setUp: readonly LedgerCommand[];
  /** Something that an operator does to budgets, limits, bars or teams; prices change with it. */
  control(random: Random): LedgerCommand;
  authorization(random: Random, owner: BootId, now: EpochMs): AuthorizeCall;
}

function pricesOf(random: Random, version: number): Prices {
  const price = () => nanoUsd(BigInt(random.between(0, 5_000_000)));
  const input = price();
  // Writing to a cache may be dearer than reading plainly, and reading from it dearer still: the hold must not care.
  return {
    version,
    input,
    cachedInput: random.chance(70) ? nanoUsd(input / 10n) : price(),
    cacheWrite: random.chance(70) ? nanoUsd((input * 5n) / 4n) : price(),
    output: random.chance(10) ? nanoUsd(0n) : price(),
  };
}

/** Short chats, images with large bounds, many outputs of many prompts, and embeddings without any. */
function boundsOf(random: Random, model: string): CallBounds {
  const outputCapSource = random.chance(60) ? 'default' : 'client';
  const inputTokensMax = model === 'vision' ? random.between(10_000, 200_000) : random.between(0, 5_000);
  const inputTokensEstimate = Math.floor(inputTokensMax / 4);
  if (model === 'embed') {
    return { inputTokensMax, inputTokensEstimate, outputTokensCap: 0, outputCapSource: 'client', outputsMax: 0 };
  }
  const outputsMax = random.chance(80) ? 1 : random.between(2, 5) * random.between(1, 8);
  return {
    inputTokensMax,
    inputTokensEstimate,
    outputTokensCap: random.between(1, 4_096),
    outputCapSource,
    outputsMax,
  };
}

function scopeOf(random: Random): BudgetScope {
  return random.pick<BudgetScope>([
    { type: 'organization' },
    { type: 'team', id: random.pick(TEAMS) },
    { type: 'project', id: random.pick(PROJECTS) },
    { type: 'api-key', id: random.pick(KEYS) },
    { type: 'model', id: random.pick(MODELS) },
  ]);
}

function limitOf(random: Random, unit: DefineBudget['unit']): bigint {
  switch (unit) {
    case 'cost':
      return BigInt(random.between(0, 2_000_000));
    case 'tokens':
      return BigInt(random.between(0, 1_000_000));
    case 'requests':
      return BigInt(random.between(0, 60));
  }
}

function budgetOf(random: Random): DefineBudget {
  const unit = random.weighted<DefineBudget['unit']>([
    ['cost', 60],
    ['tokens', 20],
    ['requests', 20],
  ]);
  return {
    type: 'DefineBudget',
    budgetId: composeId('bgt', 0, random.bytes(10)),
    name: 'budget',
    scope: scopeOf(random),
    unit,
    period: random.pick(['daily', 'weekly', 'monthly', 'quarterly', 'yearly', 'total']),
    limit: limitOf(random, unit),
    mode: random.weighted([
      ['block', 70],
      ['warn', 20],
      ['notify', 10],
    ]),
    thresholds: random.pick([[], [50, 80, 100], [1, 200]]),
    timeZone: random.weighted([
      ['Europe/Berlin', 60],
      ['UTC', 20],
      ['America/Santiago', 10],
      ['Asia/Kathmandu', 10],
    ]),
  };
}

function limitsOf(random: Random): Limits {
  return random.pick<Limits>([
    {},
    { concurrency: random.between(1, 4) },
    { requestsPerMinute: random.between(1, 120), burst: random.between(1, 10) },
    { tokensPerMinute: random.between(100, 100_000), requestsPerMinute: 600 },
    { callCostMax: nanoUsd(BigInt(random.between(0, 200_000))) },
    { unresolvedCostMax: nanoUsd(BigInt(random.between(0, 300_000))), concurrency: 5 },
  ]);
}

function policyOf(random: Random): LedgerCommand {
  const resolveAt = random.pick<UnresolvedPolicy['resolveAt']>(['counted', 'ceiling', 'never']);
  return { type: 'SetUnresolvedPolicy', policy: { resolveAt, afterSeconds: random.pick([0, 5, 60, 86_400]) } };
}

function barOf(random: Random): BarSubject {
  return random.weighted<BarSubject>([
    [{ type: 'api-key', id: random.pick(KEYS) }, 6],
    [{ type: 'project', id: random.pick(PROJECTS) }, 3],
    [{ type: 'organization' }, 1],
  ]);
}

class RandomScenario implements Scenario {
  readonly writers: number;
  readonly settings: Partial<LedgerWriterSettings>;
  readonly crashWeight: number;
  readonly hasJumps: boolean;
  readonly knowsRepeats: boolean;
  readonly setUp: readonly LedgerCommand[];
  private readonly prices = new Map<string, Prices>();
  private readonly budgets: { readonly budgetId: BudgetId; readonly unit: DefineBudget['unit'] }[] = [];

  constructor(random: Random) {
    this.writers = random.weighted([
      [1, 70],
      [2, 30],
    ]);
    this.settings = {
      carryEveryEvents: random.pick([3, 10, 1_000]),
      batchEventsMax: random.pick([4, 1_000]),
      queueCommandsMax: random.pick([10, 20_000]),
      queueCommandsPerKeyMax: random.pick([5, 2_000]),
    };
    this.crashWeight = random.pick([0, 2, 6]);
    this.hasJumps = random.chance(50);
    this.knowsRepeats = random.chance(70);
    for (const model of MODELS) this.prices.set(model, pricesOf(random, 1));
    this.setUp = [
      ...KEYS.map(
        (id): LedgerCommand => ({ type: 'SetLimits', target: { type: 'api-key', id }, limits: limitsOf(random) }),
      ),
      ...Array.from({ length: random.between(0, 4) }, () => this.newBudget(random)),
    ];
  }

  control(random: Random): LedgerCommand {
    const model = random.pick(MODELS);
    this.prices.set(model, pricesOf(random, (this.prices.get(model)?.version ?? 1) + 1));
    const budget = this.budgets[random.between(0, Math.max(0, this.budgets.length - 1))];
    const subject = barOf(random);
    return random.weighted<() => LedgerCommand>([
      [() => this.newBudget(random), 15],
      [() => this.changed(random, budget), 30],
      [() => ({ type: 'EndBudget', budgetId: budget?.budgetId ?? ('bgt_none' as BudgetId) }), 5],
      [() => ({ type: 'SetLimits', target: { type: 'api-key', id: random.pick(KEYS) }, limits: limitsOf(random) }), 15],
      [() => ({ type: 'SetLimits', target: { type: 'organization' }, limits: limitsOf(random) }), 5],
      [() => policyOf(random), 6],
      [() => ({ type: 'BarSubject', subject, reason: 'test' }), 8],
      [() => ({ type: 'UnbarSubject', subject }), 20],
      [() => ({ type: 'AssignProject', projectId: random.pick(PROJECTS), teamId: random.pick(TEAMS) }), 8],
    ])();
  }

  authorization(random: Random, owner: BootId, now: EpochMs): AuthorizeCall {
    const model = random.pick(MODELS);
    return {
      type: 'AuthorizeCall',
      callId: composeId('req', now, random.bytes(10)),
      keyId: random.pick(KEYS),
      projectId: random.pick(PROJECTS),
      model,
      endpoint: model === 'embed' ? 'embedding' : 'chat',
      stream: random.chance(50),
      backendId: BACKEND,
      prices: this.prices.get(model) ?? pricesOf(random, 1),
      bounds: boundsOf(random, model),
      outputTokensCapMin: random.pick([1, 64]),
      owner,
      dispatchWindowMs: 5_000,
      holdMs: 60_000,
      ...(random.chance(20)
        ? { idempotency: { key: `k${random.between(1, 8)}`, body: random.chance(90) ? 'same' : 'other' } }
        : {}),
    };
  }

  private newBudget(random: Random): DefineBudget {
    const budget = budgetOf(random);
    this.budgets.push(budget);
    return budget;
  }

  private changed(random: Random, budget: (typeof this.budgets)[number] | undefined): LedgerCommand {
    if (budget === undefined) return this.newBudget(random);
    const mode = random.weighted<DefineBudget['mode']>([
      ['block', 80],
      ['warn', 20],
    ]);
    return { type: 'ChangeBudget', budgetId: budget.budgetId, limit: limitOf(random, budget.unit), mode };
  }
}

export function scenarioOf(random: Random): Scenario {
  return new RandomScenario(random);
}

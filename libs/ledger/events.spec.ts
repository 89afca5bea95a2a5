import { join } from 'node:path';
import { epochMs, usd } from '#kernel';
import { type EventSamples, goldenChecks } from '#testing/golden';
import { type LedgerEvent, ledgerCodec } from './events';
import {
  account,
  backend,
  boot,
  budget,
  call,
  key,
  model,
  NOON,
  ORGANIZATION,
  PRICES,
  project,
  team,
} from './spec-kit';

const subject = {
  callId: call('1'),
  keyId: key('a'),
  projectId: project('a'),
  model: model('maker/model'),
  endpoint: 'chat',
} as const;
const inTeam = { ...subject, teamId: team('a') };
const attempt = { backendId: backend, status: 200, error: 'reset', firstByteMs: 120, totalMs: 900 };
const upstream = {
  authorizedAt: NOON,
  attempts: [attempt],
  upstreamRequestId: 'up-1',
  latencyMs: 950,
  firstByteMs: 130,
};
const untraced = { authorizedAt: NOON, attempts: [{ backendId: backend, totalMs: 0 }], latencyMs: 0 };
const usage = { input: 10, cachedInput: 20, cacheWrite: 30, output: 40 };
const touch = { budgetId: budget('b'), from: NOON, unit: 'cost', amount: usd('123456789.000000001') } as const;
const limits = { requestsPerMinute: 100, burst: 200, tokensPerMinute: 10_000, concurrency: 10 };
const costLimits = { callCostMax: usd('0.5'), unresolvedCostMax: usd('5') };
const defined = {
  budgetId: budget('b'),
  name: 'Größe ∑ "x"',
  unit: 'cost',
  period: 'monthly',
  limit: 10n ** 24n,
  mode: 'block',
  timeZone: 'Europe/Berlin',
  countedSince: NOON,
  thresholds: [50, 80, 100] as number[],
} as const;
const authorized = {
  ...inTeam,
  stream: true,
  backendId: backend,
  prices: PRICES,
  bounds: {
    inputTokensMax: 1_000,
    inputTokensEstimate: 250,
    outputTokensCap: 4_096,
    outputCapSource: 'default',
    outputsMax: 2,
  },
  holdCost: usd('0.009192'),
  holdTokens: 9_192n,
  rateTokens: 8_442,
  touches: [touch],
  owner: boot('a'),
  dispatchBy: epochMs(NOON + 10_000),
  deadline: epochMs(NOON + 900_000),
} as const;
const completed = {
  ...subject,
  ...untraced,
  stream: false,
  outcome: 'interrupted',
  usage,
  certainty: 'counted',
  priceVersion: 3,
  actual: usd('0.3'),
  charged: usd('0.2'),
  excess: usd('0.1'),
  late: true,
} as const;
const resolved = {
  authorizedAt: NOON,
  reason: 'invoice',
  cost: usd('0.3'),
  charged: usd('0.2'),
  excess: usd('0.1'),
  tokens: 100n,
};

const samples: EventSamples<LedgerEvent> = {
  BudgetDefined: [
    { type: 'BudgetDefined', data: { ...defined, scope: { type: 'team', id: team('a') } } },
    { type: 'BudgetDefined', data: { ...defined, scope: ORGANIZATION } },
    { type: 'BudgetDefined', data: { ...defined, scope: { type: 'project', id: project('a') } } },
    { type: 'BudgetDefined', data: { ...defined, scope: { type: 'api-key', id: key('a') } } },
    { type: 'BudgetDefined', data: { ...defined, scope: { type: 'model', id: model('a/b') } } },
  ],
  BudgetChanged: [
    { type: 'BudgetChanged', data: { budgetId: budget('b'), name: 'b', limit: 0n, mode: 'warn', thresholds: [] } },
  ],
  BudgetEnded: [{ type: 'BudgetEnded', data: { budgetId: budget('b') } }],
  BudgetPeriodOpened: [
    { type: 'BudgetPeriodOpened', data: { budgetId: budget('b'), from: NOON, to: epochMs(NOON + 1) } },
    { type: 'BudgetPeriodOpened', data: { budgetId: budget('b'), from: NOON } },
  ],
  BudgetThresholdReached: [
    {
      type: 'BudgetThresholdReached',
      data: { budgetId: budget('b'), from: NOON, threshold: 80, spent: 8n, limit: 10n },
    },
  ],
  BudgetExceeded: [
    { type: 'BudgetExceeded', data: { budgetId: budget('b'), from: NOON, mode: 'notify', used: 11n, limit: 10n } },
  ],
  LimitsSet: [
    { type: 'LimitsSet', data: { target: { type: 'api-key', id: key('a') }, limits } },
    { type: 'LimitsSet', data: { target: { type: 'organization' }, limits: {} } },
    { type: 'LimitsSet', data: { target: { type: 'organization' }, limits: costLimits } },
  ],
  SubjectBarred: [
    { type: 'SubjectBarred', data: { subject: { type: 'api-key', id: key('a') }, reason: 'leaked' } },
    { type: 'SubjectBarred', data: { subject: { type: 'organization' }, reason: '' } },
    { type: 'SubjectBarred', data: { subject: account('a'), reason: 'disabled' } },
  ],
  SubjectUnbarred: [
    { type: 'SubjectUnbarred', data: { subject: { type: 'project', id: project('a') } } },
    { type: 'SubjectUnbarred', data: { subject: account('a') } },
  ],
  ProjectAssigned: [
    { type: 'ProjectAssigned', data: { projectId: project('a'), teamId: team('a') } },
    { type: 'ProjectAssigned', data: { projectId: project('a') } },
  ],
  InferenceAuthorized: [
    {
      type: 'InferenceAuthorized',
      data: { ...authorized, touches: [touch], idempotency: { key: 'k', body: 'b' }, clientRequestId: 'mine' },
    },
    { type: 'InferenceAuthorized', data: { ...authorized, touches: [] } },
  ],
  InferenceCompleted: [
    {
      type: 'InferenceCompleted',
      data: { ...completed, ...inTeam, ...upstream, outcome: 'complete', finishReason: 'stop', late: false },
    },
    { type: 'InferenceCompleted', data: completed },
    { type: 'InferenceCompleted', data: { ...completed, outcome: 'interrupted', reason: 'platform-stopped' } },
  ],
  InferenceFailed: [
    { type: 'InferenceFailed', data: { ...inTeam, ...upstream, stream: true, error: 'reset', billed: 'unknown' } },
    {
      type: 'InferenceFailed',
      data: {
        ...subject,
        ...untraced,
        stream: false,
        error: 'reset',
        billed: 'unknown',
        counted: { usage, cost: usd('0.1') },
      },
    },
  ],
  InferenceReleased: [
    { type: 'InferenceReleased', data: { ...inTeam, ...upstream, reason: 'connect failed', dispatched: false } },
  ],
  InferenceUnresolved: [
    {
      type: 'InferenceUnresolved',
      data: {
        ...inTeam,
        ...upstream,
        reason: 'client left',
        holdCost: usd('1'),
        counted: { usage, cost: usd('0.1') },
      },
    },
    {
      type: 'InferenceUnresolved',
      data: { ...subject, ...untraced, reason: 'deadline', holdCost: usd('1') },
    },
  ],
  InferenceResolved: [
    { type: 'InferenceResolved', data: { ...inTeam, ...resolved, source: 'operator' } },
    { type: 'InferenceResolved', data: { ...subject, ...resolved, source: 'policy', commandId: 'once' } },
  ],
  InferenceCorrected: [
    {
      type: 'InferenceCorrected',
      data: {
        ...inTeam,
        ...resolved,
        source: 'operator',
        before: { cost: usd('1.5'), charged: usd('1'), excess: usd('0.5'), tokens: 1_000n },
        backendId: backend,
        counted: { usage, cost: usd('0.1') },
        adjustments: [{ ...touch, amount: -usd('0.1') }],
        commandId: 'once',
      },
    },
    {
      type: 'InferenceCorrected',
      data: {
        ...subject,
        ...resolved,
        source: 'reconciliation',
        before: { cost: usd('0'), charged: usd('0'), excess: usd('0'), tokens: 0n },
        adjustments: [],
      },
    },
  ],
  UnresolvedPolicySet: [
    { type: 'UnresolvedPolicySet', data: { policy: { resolveAt: 'counted', afterSeconds: 86_400 } } },
    { type: 'UnresolvedPolicySet', data: { policy: { resolveAt: 'never', afterSeconds: 0 } } },
  ],
  InferenceRefused: [
    { type: 'InferenceRefused', data: { ...subject, code: 'budget_exhausted' } },
    { type: 'InferenceRefused', data: { ...inTeam, code: 'budget_exhausted' } },
  ],
  RefusalsCounted: [
    {
      type: 'RefusalsCounted',
      data: {
        keyId: key('a'),
        projectId: project('a'),
        model: model('echo'),
        code: 'rate_limit_exceeded',
        count: 40,
        callIds: [call('1'), call('2')],
        from: NOON,
      },
    },
    {
      type: 'RefusalsCounted',
      data: {
        keyId: key('a'),
        projectId: project('a'),
        teamId: team('a'),
        model: model('echo'),
        code: 'rate_limit_exceeded',
        count: 2,
        callIds: [call('1')],
        from: NOON,
        times: [epochMs(NOON + 7)],
      },
    },
  ],
  LedgerTimeCorrected: [{ type: 'LedgerTimeCorrected', data: { from: epochMs(NOON + 900_000), to: NOON } }],
  CarryRecorded: [
    {
      type: 'CarryRecorded',
      data: { version: 1, set: 's', upTo: 9n, part: 0, parts: 2, digest: 'ab', text: '{"time":0,' },
    },
  ],
};

describe('the ledger’s events', () => {
  it.each([...goldenChecks<LedgerEvent>({ codec: ledgerCodec, samples, folder: join(__dirname, 'golden') })])(
    '$name',
    ({ run }) => run(),
  );
});

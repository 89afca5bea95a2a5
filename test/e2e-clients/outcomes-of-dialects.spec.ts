import type { LedgerEvent } from '#ledger';
import type { MockPlan } from '#testing/mock-upstream';
import type { Answer } from '../e2e/support/answers';
import { eventOf, type Money, type Tenant } from '../e2e/support/tenant';
import type { ModelOptions } from '../e2e/support/world';
import { ClientsWorld } from './support/clients-world';

/**
 * The table of outcomes, row by row, for every dialect: what the client gets, whether it is told to try again, what is
 * recorded, what is charged, and that no hold is left.
 */

type Body = Readonly<Record<string, unknown>>;

interface DialectUnderTest {
  readonly path: string;
  readonly kind: 'chat' | 'completion' | 'embedding';
  readonly body: Body;
  readonly streams: boolean;
  /** Which backend answers; `anthropic` is carried over where the dialect is another. */
  readonly backend: 'openai' | 'anthropic';
}

const MESSAGES = [{ role: 'user', content: 'How are you?' }];
const dialect = (path: string, body: Body, rest: Partial<DialectUnderTest> = {}): DialectUnderTest => ({
  path,
  body,
  kind: 'chat',
  streams: true,
  backend: 'openai',
  ...rest,
});

const CHAT = dialect('/chat/completions', { messages: MESSAGES, max_tokens: 100 });
const RESPONSES = dialect('/responses', { input: 'How are you?', max_output_tokens: 100 });
const ANTHROPIC = dialect('/messages', { messages: MESSAGES, max_tokens: 100 });
const INFERENCE = dialect('/inference', { prompt: 'How are you?', max_tokens: 100 });
const DIALECTS = [
  CHAT,
  dialect('/completions', { prompt: 'How are you?', max_tokens: 100 }, { kind: 'completion' }),
  dialect('/embeddings', { input: 'How are you?' }, { kind: 'embedding', streams: false }),
  RESPONSES,
  ANTHROPIC,
  INFERENCE,
  ...[CHAT, RESPONSES, ANTHROPIC, INFERENCE].map((one) => ({ ...one, backend: 'anthropic' as const })),
];

/** How a backend of either kind is told to answer. */
interface Plan {
  readonly openai: Partial<MockPlan>;
  readonly anthropic: string;
}

const HASTY: ModelOptions = { backend: { timeouts: { connectMs: 1_000, firstByteMs: 150, idleMs: 150 } } };

interface Row {
  readonly what: string;
  readonly plan: Plan;
  readonly options?: ModelOptions;
  readonly status: number;
  readonly code?: string;
  readonly shouldRetry: 'true' | 'false' | null;
  readonly ending: LedgerEvent['type'];
  readonly charged: 'reported' | 'counted' | 'nothing' | 'ceiling';
}

const released = { ending: 'InferenceReleased', charged: 'nothing' } as const;
const unresolved = { ending: 'InferenceUnresolved', charged: 'ceiling', shouldRetry: 'false' } as const;
const completed = { status: 200, shouldRetry: null, ending: 'InferenceCompleted' } as const;

const failing = (status: number): Plan => ({ openai: { status }, anthropic: `claude?status=${status}` });
const GOOD: Plan = { openai: {}, anthropic: 'claude' };

const ROWS: readonly Row[] = [
  { what: 'complete', plan: GOOD, ...completed, charged: 'reported' },
  {
    what: 'complete without usage',
    plan: { openai: { usage: 'none' }, anthropic: 'claude?usage=none' },
    ...completed,
    charged: 'counted',
  },
  {
    what: 'complete with absurd usage',
    plan: { openai: { usage: 'negative', promptTokens: -7 }, anthropic: 'claude?usage=negative' },
    ...completed,
    charged: 'counted',
  },
  {
    what: 'a backend that cannot be reached',
    plan: GOOD,
    options: { backend: { baseUrl: 'http://127.0.0.1:9/v1' } },
    status: 503,
    code: 'backend_unavailable',
    shouldRetry: 'true',
    ...released,
  },
  {
    what: "the backend's 400",
    plan: failing(400),
    status: 400,
    code: 'backend_rejected_request',
    shouldRetry: 'false',
    ...released,
  },
  {
    what: "the backend's 401",
    plan: failing(401),
    status: 502,
    code: 'backend_misconfigured',
    shouldRetry: 'false',
    ...released,
  },
  {
    what: "the backend's 429",
    plan: failing(429),
    status: 429,
    code: 'backend_rate_limited',
    shouldRetry: 'true',
    ...released,
  },
  {
    what: "the backend's 500",
    plan: failing(500),
    status: 500,
    code: 'backend_failed',
    shouldRetry: 'true',
    ...released,
  },
  {
    what: "the backend's 529",
    plan: failing(529),
    status: 529,
    code: 'backend_overloaded',
    shouldRetry: 'true',
    ...released,
  },
  {
    what: "the backend's 502",
    plan: failing(502),
    status: 502,
    code: 'backend_failed',
    shouldRetry: 'false',
    ending: 'InferenceFailed',
    charged: 'ceiling',
  },
  {
    what: 'garbage',
    plan: { openai: { ending: 'garbage', endAfter: 0 }, anthropic: 'claude?ending=garbage' },
    status: 502,
    code: 'backend_invalid_answer',
    ...unresolved,
  },
  {
    what: 'a page of HTML',
    plan: { openai: { ending: 'page', endAfter: 0 }, anthropic: 'claude?ending=page' },
    status: 502,
    code: 'backend_invalid_answer',
    ...unresolved,
  },
  {
    what: 'no answer in time',
    plan: { openai: { pauseAfter: 0 }, anthropic: 'claude?ending=never' },
    options: HASTY,
    status: 504,
    code: 'backend_timeout',
    ...unresolved,
  },
];

const CUT: Plan = { openai: { ending: 'cut', endAfter: 1 }, anthropic: 'claude?ending=cut' };

let clients: ClientsWorld;
/** One per dialect and way, so that ledgers stay short. */
let tenant: Tenant;
beforeAll(async () => {
  clients = await ClientsWorld.open();
});
afterAll(() => clients.close());

function modelOf({ backend, kind }: DialectUnderTest, plan: Plan, options: ModelOptions = {}): Promise<string> {
  if (backend === 'anthropic') return clients.claudeModel(plan.anthropic, options);
  return clients.world.model(plan.openai, { ...options, kind });
}

/** The code of a failure, wherever the dialect puts it. */
function codeIn(value: unknown): unknown {
  const { error, response, code } = value as { error?: Body; response?: { error?: Body }; code?: string };
  return error?.code ?? response?.error?.code ?? code;
}

function lastData({ text }: Answer): unknown {
  const line = text.split('\n').findLast((one) => one.startsWith('data: ')) ?? 'data: {}';
  return line === 'data: [DONE]' ? {} : JSON.parse(line.slice('data: '.length));
}

/** What a call added to the budget. */
async function addedBy(call: () => Promise<Answer>): Promise<{ readonly answer: Answer; readonly added: Money }> {
  const before = await tenant.money();
  const answer = await call();
  await clients.world.platform.callLogged(answer.requestId);
  const { settled, held, unresolved } = await tenant.money();
  const added = {
    settled: settled - before.settled,
    held: held - before.held,
    unresolved: unresolved - before.unresolved,
  };
  return { answer, added };
}

function expectedCharge(charged: Row['charged'], events: readonly LedgerEvent[], reported: bigint): Money {
  const nothing = { settled: 0n, held: 0n, unresolved: 0n };
  switch (charged) {
    case 'reported':
      return { ...nothing, settled: reported };
    case 'counted': {
      const { certainty, usage } = eventOf(events, 'InferenceCompleted');
      expect(certainty).toBe('counted');
      expect(usage.input).toBe(eventOf(events, 'InferenceAuthorized').bounds.inputTokensMax);
      return { ...nothing, settled: BigInt(usage.input) * 1_000n + BigInt(usage.output) * 2_000n };
    }
    case 'nothing':
      return nothing;
    case 'ceiling':
      return { ...nothing, unresolved: eventOf(events, 'InferenceAuthorized').holdCost };
  }
}

describe.each(DIALECTS.map((one) => [`${one.path} before a backend of kind ${one.backend}`, one] as const))(
  '%s',
  (_name, tested) => {
    const ways = tested.streams ? [false, true] : [false];
    describe.each(ways.map((stream) => [stream ? 'streamed' : 'unstreamed', stream] as const))('%s', (_way, stream) => {
      beforeAll(async () => {
        tenant = await clients.world.tenant();
      });

      const bodyFor = (model: string) => ({ ...tested.body, model, ...(stream ? { stream } : {}) });

      it.each(ROWS.map((row) => [row.what, row] as const))('%s', async (_what, row) => {
        const model = await modelOf(tested, row.plan, row.options);
        const { answer, added } = await addedBy(() => tenant.post(tested.path, bodyFor(model)));
        const events = await tenant.recorded(answer.requestId);
        expect(answer.status).toBe(row.status);
        if (row.code !== undefined) expect(codeIn(JSON.parse(answer.text))).toBe(row.code);
        expect(answer.headers.get('x-should-retry')).toBe(row.shouldRetry);
        expect(events.map(({ type }) => type)).toEqual(['InferenceAuthorized', row.ending]);
        expect(await tenant.holdsOpen()).toBe(0);
        const reported = tested.kind === 'embedding' ? 10_000n : 16_000n;
        expect(added).toEqual(expectedCharge(row.charged, events, reported));
      });

      it('a connection that is lost in the middle of the answer', async () => {
        const model = await modelOf(tested, CUT);
        const { answer, added } = await addedBy(() => tenant.post(tested.path, bodyFor(model)));
        const events = await tenant.recorded(answer.requestId);
        expect(answer.status).toBe(stream ? 200 : 502);
        expect(codeIn(stream ? lastData(answer) : JSON.parse(answer.text))).toBe('backend_interrupted');
        expect(answer.text).not.toContain('[DONE]');
        expect(events.map(({ type }) => type)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
        expect(await tenant.holdsOpen()).toBe(0);
        expect(added).toEqual(expectedCharge('ceiling', events, 0n));
      });
    });
  },
);

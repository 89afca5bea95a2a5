import { formatUsd, nanoUsd } from '#kernel';
import type { RecordedLedgerEvent } from '#testing/platform-process';
import { type CallAnswer, type Customer, Gateways, until } from './support/gateways';

/** Repeats of each command: enough for a p99 that means something. */
const REPEATS = 30;
/** Steady load through the other gateway: calls at once. */
const CALLERS = 3;
/** So many refusals in a row per caller end a repeat: nothing gets through any more. */
const REFUSALS = 2;
const RACES = 50;
/** Of one call in nano-USD: 10 prompt tokens and 3 of the answer. */
const COST = 16_000n;

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Indices of the events of one type. */
function indicesOf(events: readonly RecordedLedgerEvent[], matches: (event: RecordedLedgerEvent['event']) => boolean) {
  return events.flatMap(({ event }, index) => (matches(event) ? [index] : []));
}

/** Commands through the first gateway, calls through the second. */
describe('a command on one gateway and calls on another', () => {
  const told: string[] = [];
  let world: Gateways;
  let customer: Customer;
  let model: string;

  beforeAll(async () => {
    world = await Gateways.open(2);
    customer = await world.customer('1000');
    model = await world.model();
    await until('a model that the other gateway knows', async () => {
      const { status } = await world.call(1, customer.key.secret, model, 'marker-warm');
      return status === 200 ? true : undefined;
    });
  });
  afterAll(async () => {
    await world.close();
    // Times are the machine's: they are told, not asserted.
    process.stdout.write(`${told.join('\n')}\n`);
  });

  /**
   * Calls without pause, lets a command be carried out, and goes on until nothing gets through.
   * @returns ms from the command's answer to the last call that the backend saw; 0 when none came after it.
   */
  async function effectMs(
    prefix: string,
    call: (marker: string) => Promise<CallAnswer>,
    command: () => Promise<unknown>,
  ): Promise<number> {
    let isDone = false;
    let made = 0;
    const caller = async (): Promise<void> => {
      for (let refusals = 0; refusals < REFUSALS; ) {
        made += 1;
        const isAfter = isDone;
        const { status } = await call(`${prefix}-${made}`);
        refusals = isAfter && status !== 200 ? refusals + 1 : 0;
      }
    };
    const calling = Promise.all(Array.from({ length: CALLERS }, caller));
    await until('a call that got through', async () => (world.arrivals(prefix).length > 0 ? true : undefined));
    await command();
    const answeredMs = Date.now();
    isDone = true;
    await calling;
    return Math.max(0, ...world.arrivals(prefix).map(({ at }) => at - answeredMs));
  }

  function tell(what: string, times: readonly number[]): void {
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
    told.push(
      `${what}: last call that got through after the answer, p50 ${p50} ms, p99 ${p99} ms (n = ${times.length})`,
    );
  }

  it('a revoked key: no call of it is authorized after the bar', async () => {
    const { orgId, projectId } = customer;
    const keys: Customer['key'][] = [];
    for (let index = 0; index < REPEATS; index += 1) keys.push(await world.key(orgId, projectId));
    const times: number[] = [];
    for (const [index, key] of keys.entries()) {
      const call = (marker: string) => world.call(1, key.secret, model, marker);
      const revoke = () =>
        world
          .gateway(0)
          .admin.request('POST', `/organizations/${orgId}/api-keys/${key.id}/revoke`, { reason: 'stolen' });
      times.push(await effectMs(`marker-key-${index}`, call, revoke));
    }
    const events = await world.ledger(orgId);
    for (const key of keys) {
      const [barred = -1] = indicesOf(
        events,
        ({ type, data }) => type === 'SubjectBarred' && JSON.stringify(data.subject).includes(key.id),
      );
      const authorized = indicesOf(events, ({ type, data }) => type === 'InferenceAuthorized' && data.keyId === key.id);
      expect(authorized.length).toBeGreaterThan(0);
      expect(barred).toBeGreaterThan(Math.max(...authorized));
    }
    tell('key revoked', times);
  });

  it('a budget that is set to zero: no call is authorized while it is', async () => {
    const { orgId, budgetId, key } = customer;
    const setLimit = (limit: string) =>
      world.gateway(0).admin.request('PATCH', `/organizations/${orgId}/budgets/${budgetId}`, { limit });
    const times: number[] = [];
    for (let index = 0; index < REPEATS; index += 1) {
      const call = (marker: string) => world.call(1, key.secret, model, marker);
      times.push(await effectMs(`marker-budget-${index}`, call, () => setLimit('0')));
      await setLimit('1000');
    }
    let isZero = false;
    let zeros = 0;
    for (const { event } of await world.ledger(orgId)) {
      if (event.type === 'BudgetChanged') isZero = event.data.limit === 0n;
      if (event.type === 'BudgetChanged' && isZero) zeros += 1;
      expect([event.type, isZero]).not.toEqual(['InferenceAuthorized', true]);
    }
    expect(zeros).toBe(REPEATS);
    tell('budget set to zero', times);
  });

  it('a model that is retired: once one call is refused for it, none gets through', async () => {
    const { key } = customer;
    const models: string[] = [];
    for (let index = 0; index < REPEATS; index += 1) models.push(await world.model());
    const times: number[] = [];
    for (const [index, id] of models.entries()) {
      const statuses: number[] = [];
      await until('a model that the other gateway knows', async () => {
        const { status } = await world.call(1, key.secret, id, 'marker-known');
        return status === 200 ? true : undefined;
      });
      const call = async (marker: string): Promise<CallAnswer> => {
        // A gateway that is held up on a busy machine refuses for a moment with 503, which says nothing of the model.
        const begunAfter = statuses.includes(404);
        const answer = await world.call(1, key.secret, id, marker);
        if (begunAfter) expect(answer.status).not.toBe(200);
        statuses.push(answer.status);
        return answer;
      };
      const retire = () => world.gateway(0).admin.request('DELETE', `/models/${id}`, {});
      times.push(await effectMs(`marker-model-${index}`, call, retire));
    }
    tell('model retired', times);
  });

  it('room for exactly one more call, asked for by both at the same instant: one is admitted', async () => {
    const { orgId, budgetId, key } = await world.customer('0.0001');
    // As long as the others, since every byte of a call is held for.
    expect((await world.call(0, key.secret, model, 'marker-race-warm')).status).toBe(200);
    const [hold = 0n] = (await world.ledger(orgId)).flatMap(({ event }) =>
      event.type === 'InferenceAuthorized' ? [event.data.holdCost] : [],
    );
    let spent = COST;
    let decided = 0;
    for (let race = 0; race < RACES; race += 1) {
      // Room for one hold; and what its call leaves of it is no room for a second one.
      const limit = formatUsd(nanoUsd(spent + hold + COST / 2n));
      await world.gateway(race % 2).admin.request('PATCH', `/organizations/${orgId}/budgets/${budgetId}`, { limit });
      const prefix = `marker-race-${String(race).padStart(2, '0')}`;
      const answers = await Promise.all(
        ['a', 'b'].map((name, index) => world.call(index, key.secret, model, `${prefix}-${name}`)),
      );
      const statuses = answers.map(({ status }) => status).sort();
      const admitted = statuses.filter((status) => status === 200).length;
      expect(world.arrivals(`${prefix}-`)).toHaveLength(admitted);
      spent += COST * BigInt(admitted);
      // On a busy machine one of them may be held up for a moment, and refuses whatever it is asked.
      if (statuses.includes(503)) expect(admitted).toBeLessThanOrEqual(1);
      else {
        expect(statuses).toEqual([200, 402]);
        decided += 1;
      }
    }
    expect(decided).toBeGreaterThan(RACES / 2);
    expect((await world.gateway(1).admin.budget(orgId, budgetId)).settled).toBe(formatUsd(nanoUsd(spent)));
  });
});

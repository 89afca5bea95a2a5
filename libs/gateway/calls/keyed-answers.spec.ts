import { MemoryAnswerStore } from '#answer-store/memory';
import { readClientText } from '#inference';
import { hmacFor } from '#key-store';
import { MemoryKeyStore } from '#key-store/memory';
import type { Caller } from './caller';
import { KeyedAnswers } from './keyed-answers';
import { CallWorld, KEY, ORG, PROJECT } from './spec-kit';

/** What a request with an Idempotency-Key is known by. */

const world = new CallWorld({ models: [] });
afterAll(() => world.close());

let answers: MemoryAnswerStore;
let keys: MemoryKeyStore;
let keyed: KeyedAnswers;
beforeEach(() => {
  answers = new MemoryAnswerStore();
  keys = new MemoryKeyStore();
  keyed = new KeyedAnswers(answers, keys, world.clock);
});

function identify(text: string, rest: Partial<Caller> = {}) {
  return keyed.identify(world.caller(rest), 'chat', 'k', readClientText(text));
}

it.each([
  ['another number that JSON.parse takes for the same', '{"id":9007199254740992}', '{"id":9007199254740993}'],
  ['another order of keys', '{"a":1,"b":2}', '{"b":2,"a":1}'],
  ['other white space', '{"a":1}', '{"a": 1}'],
  ['another spelling', '{"a":"b"}', '{"a":"\\u0062"}'],
])('%s is another body', async (_what, one, other) => {
  const [first, again, second] = [await identify(one), await identify(one), await identify(other)];
  expect(again).toEqual(first);
  expect(second.key).toBe(first.key);
  expect(second.body).not.toBe(first.body);
});

it('other betas are another request', async () => {
  const withBetas = await identify('{}', { anthropic: { betas: ['x-2026-01-01'] } });
  expect(withBetas.body).not.toBe((await identify('{}')).body);
});

it('a row that knows its request by its parsed value still knows it', async () => {
  const caller = { orgId: ORG, requestId: world.caller().requestId };
  const before = await hmacFor(keys, `idempotency:${ORG}`, '{"a":1}');
  const { key } = await identify('{"a":1}');
  await keyed.keep(caller, { key, body: Buffer.from(before).toString('base64url') }, undefined);
  const same = await identify('{ "a": 1 }');
  expect(same.known).toMatchObject({ body: same.body, outcome: 'unknown' });
  const other = await identify('{"a":2}');
  expect(other.known?.body).not.toBe(other.body);
});

it('keys of one project are not those of another', async () => {
  const mine = await identify('{}', { projectId: PROJECT, keyId: KEY });
  const theirs = await identify('{}', { projectId: 'prj_b' as typeof PROJECT });
  expect(theirs.key).not.toBe(mine.key);
});

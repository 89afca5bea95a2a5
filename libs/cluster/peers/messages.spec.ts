import * as fc from 'fast-check';
import { type EventId, epochMs, type OrganizationId } from '#kernel';
import type { ForwardedCommand, ForwardedOutcome, LedgerCommand } from '#ledger';
import { COMMANDS, forwardedCommand, refusal } from './arbitraries';
import {
  commandsPath,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeCommand,
  encodeRequest,
  MalformedMessageError,
  parseCommandsPath,
} from './messages';

const TYPES = Object.keys(COMMANDS) as LedgerCommand['type'][];
const RUNS = { numRuns: 20 };

function carried(command: ForwardedCommand): ForwardedCommand | undefined {
  return decodeRequest(encodeRequest(1_000, [encodeCommand(command) ?? ''])).commands[0];
}

/** As an object that nobody checked may look. */
function decodeText(value: unknown) {
  return () => decodeRequest(Buffer.from(JSON.stringify(value)));
}

describe('commands on the way to another gateway', () => {
  it.each(TYPES)('%s arrives as it was sent', (type) => {
    fc.assert(
      fc.property(forwardedCommand(type), (command) => {
        expect(carried(command)).toStrictEqual(command);
      }),
      RUNS,
    );
  });

  it.each(TYPES)('%s with a field that this program does not know is refused whole', (type) => {
    fc.assert(
      fc.property(forwardedCommand(type), (command) => {
        const newer = { ...command, command: { ...command.command, fromTheFuture: 1 } };
        expect(() => carried(newer)).toThrow(MalformedMessageError);
      }),
      { numRuns: 5 },
    );
  });

  it('are several in their order', () => {
    const command = (reason: string): ForwardedCommand => ({
      command: { type: 'BarSubject', subject: { type: 'organization' }, reason },
      metadata: { actor: { type: 'system', id: 'test' } },
      deadline: epochMs(0),
    });
    const texts = ['one', 'two', 'three'].map((reason) => encodeCommand(command(reason)) ?? '');
    const { commands, timeoutMs } = decodeRequest(encodeRequest(2_500, texts));
    expect(timeoutMs).toBe(2_500);
    expect(commands).toEqual([command('one'), command('two'), command('three')]);
  });

  it('that cannot be written are told apart before they are sent', () => {
    const metadata = { actor: { type: 'system', id: 'test' } } as const;
    const reason = '\ud800';
    const command = { type: 'BarSubject', subject: { type: 'organization' }, reason } as const;
    expect(encodeCommand({ command, metadata, deadline: epochMs(0) })).toBeUndefined();
  });

  it.each([
    ['no object', 7],
    ['no commands', { timeoutMs: 1, commands: [] }],
    ['no time', { timeoutMs: 0, commands: [{}] }],
    ['too much time', { timeoutMs: 60_001, commands: [{}] }],
    ['another member', { timeoutMs: 1, commands: [{}], more: true }],
    ['an unknown command', { timeoutMs: 1, commands: [{ command: { type: 'GiveMoney' }, metadata: {} }] }],
  ])('are refused as malformed when there is %s', (_, value) => {
    expect(decodeText(value)).toThrow(MalformedMessageError);
  });

  it('must be UTF-8 and JSON', () => {
    expect(() => decodeRequest(Buffer.from([0xff, 0xfe]))).toThrow('no JSON');
    expect(() => decodeRequest(Buffer.from('{'))).toThrow('no JSON');
  });

  it('say where they are wrong', () => {
    const command = { type: 'ExpireCall', callId: 'req_1', cause: 'boredom' };
    const metadata = { actor: { type: 'system', id: 'test' } };
    expect(decodeText({ timeoutMs: 1, commands: [{ command, metadata }] })).toThrow('commands.0.command.cause');
  });
});

describe('outcomes on the way back', () => {
  const eventId = fc.string().map((text) => text as EventId);
  const outcome = fc.oneof(
    fc.record(
      {
        kind: fc.constant('recorded' as const),
        eventIds: fc.array(eventId),
        position: fc.bigInt({ min: 0n, max: 2n ** 64n }),
        eventId,
      },
      { noNullPrototype: true, requiredKeys: ['kind', 'eventIds', 'position'] },
    ),
    fc.record(
      { kind: fc.constant('refused' as const), refusal, eventId },
      { noNullPrototype: true, requiredKeys: ['kind', 'refusal'] },
    ),
    fc.constant({ kind: 'waiting' } as const),
    fc.string().map((message) => ({ kind: 'unknown', message }) as const),
  ) as fc.Arbitrary<object> as fc.Arbitrary<ForwardedOutcome>;

  it('arrive as they were given', () => {
    fc.assert(
      fc.property(fc.array(outcome), (outcomes) => {
        expect(decodeAnswer(encodeAnswer(outcomes), outcomes.length)).toStrictEqual(outcomes);
      }),
      { numRuns: 100 },
    );
  });

  it('must be one for each command', () => {
    expect(() => decodeAnswer(encodeAnswer([{ kind: 'waiting' }]), 2)).toThrow('1 outcomes for 2 commands');
  });

  it('must be understood', () => {
    expect(() => decodeAnswer(Buffer.from('{"outcomes":[{"kind":"perhaps"}]}'), 1)).toThrow(MalformedMessageError);
  });
});

describe('the path of a ledger', () => {
  const orgId = 'org_01k00000000000000000000000' as OrganizationId;
  it('is composed and parsed in one place', () => {
    expect(parseCommandsPath(commandsPath(orgId))).toBe(orgId);
    for (const path of [
      '/',
      '/peer/v1/ledgers/org_1/commands',
      `${commandsPath(orgId)}?x=1`,
      `/x${commandsPath(orgId)}`,
    ])
      expect(parseCommandsPath(path)).toBeUndefined();
  });
});

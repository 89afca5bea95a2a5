import { systemIdentifiers } from '#environment';
import { MemoryEventStore } from '#event-store/memory';
import type { ApiKeyId } from '#kernel';
import { HandClock, MortalStore } from '../testing';
import { addressSource } from './address-source';
import { AuthenticationFailures, FAILURE_NAMES_MAX, FAILURE_SOURCES_MAX } from './authentication-failures';
import { type SecurityEvent, securityCodec } from './events';

function setup(appends = Number.POSITIVE_INFINITY) {
  const memory = new MemoryEventStore();
  const clock = new HandClock();
  const problems: Error[] = [];
  const failures = new AuthenticationFailures({
    store: new MortalStore(memory, appends),
    clock,
    identifiers: systemIdentifiers(clock),
    onProblem: (problem) => problems.push(problem),
  });
  const recorded = async () => {
    const events: (SecurityEvent['data'] & { stream: string })[] = [];
    for await (const stored of memory.readAll()) {
      const event = securityCodec.decode(stored)?.event;
      if (event !== undefined) events.push({ ...event.data, stream: stored.stream });
    }
    return events;
  };
  return { failures, clock, recorded, problems };
}

describe('failed authentications', () => {
  it('are counted by network and reason, once per window', async () => {
    const { failures, clock, recorded } = setup();
    failures.record('203.0.113.7', 'invalid_api_key');
    failures.record('203.0.113.8', 'invalid_api_key');
    failures.record('::ffff:203.0.113.9', 'key_revoked');
    clock.advance(10_000);
    await failures.flush();
    await failures.flush();
    expect(await recorded()).toEqual([
      {
        stream: 'security-20250101',
        from: clock.now() - 10_000,
        to: clock.now(),
        failures: [
          { source: '203.0.113.0/24', reason: 'invalid_api_key', count: 2 },
          { source: '203.0.113.0/24', reason: 'key_revoked', count: 1 },
        ],
      },
    ]);
  });

  it('of more sources than a window tells apart are one sum', async () => {
    const { failures, recorded } = setup();
    for (let i = 0; i < FAILURE_SOURCES_MAX + 5; i += 1)
      failures.record(`10.${i >> 8}.${i & 255}.1`, 'invalid_api_key');
    await failures.flush();
    const events = await recorded();
    expect(events.flatMap((event) => event.failures)).toHaveLength(FAILURE_SOURCES_MAX);
    expect(events.map(({ overflow }) => overflow)).toEqual([5, undefined, undefined, undefined, undefined]);
  });

  it('name the key or the token that was presented', async () => {
    const { failures, recorded } = setup();
    const keyId = 'key_1' as ApiKeyId;
    failures.record('203.0.113.7', 'foreign_id', { keyId });
    failures.record('203.0.113.8', 'foreign_id', { keyId });
    failures.record('203.0.113.8', 'foreign_id');
    await failures.flush();
    expect((await recorded())[0]?.failures).toEqual([
      { source: '203.0.113.0/24', reason: 'foreign_id', count: 2, keyId },
      { source: '203.0.113.0/24', reason: 'foreign_id', count: 1 },
    ]);
  });

  it('of more keys than a window names are counted without a name', async () => {
    const { failures, recorded } = setup();
    for (let i = 0; i < FAILURE_NAMES_MAX + 5; i += 1)
      failures.record('203.0.113.7', 'key_revoked', { keyId: `key_${i}` as ApiKeyId });
    await failures.flush();
    const rows = (await recorded()).flatMap((event) => event.failures);
    expect(rows).toHaveLength(FAILURE_NAMES_MAX + 1);
    expect(rows.filter(({ keyId }) => keyId === undefined)).toEqual([
      { source: '203.0.113.0/24', reason: 'key_revoked', count: 5 },
    ]);
  });

  it('are counted on when they cannot be recorded', async () => {
    const { failures, problems } = setup(0);
    failures.record('203.0.113.7', 'invalid_api_key');
    await failures.flush();
    expect(problems.map(({ message }) => message)).toEqual(['failed authentications could not be recorded']);
    await failures.flush();
    expect(problems).toHaveLength(2);
  });
});

describe('where an address is counted', () => {
  it.each([
    ['203.0.113.7', '203.0.113.0/24'],
    ['::ffff:203.0.113.7', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1:2:3::', '1:2:3:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['', 'unknown'],
    ['example.com', 'unknown'],
  ])('%s is in %s', (address, source) => {
    expect(addressSource(address)).toBe(source);
  });
});

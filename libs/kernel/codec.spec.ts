import { z } from 'zod';
import { EVENT_BYTES_MAX, eventCodec, type StoredEvent, UnencodableEventError, UnreadableEventError } from './codec';
import type { DomainEvent, EventEnvelope, EventMetadata, StreamName } from './event';
import { nanoUsdField } from './fields';
import type { EventId, OrganizationId, RequestId } from './ids';
import type { NanoUsd } from './money';
import { usd } from './money';
import { epochMs } from './time';

type Noted = DomainEvent<'Noted', { text: string }>;
type Paid = DomainEvent<'Paid', { amount: NanoUsd; currency: string }>;

/** `Paid` is at its third version: once it counted cents, then nano-USD, and the currency came last. */
const codec = eventCodec<Noted | Paid>({
  Noted: { version: 1, data: z.object({ text: z.string() }) },
  Paid: {
    version: 3,
    data: z.object({ amount: nanoUsdField, currency: z.string() }),
    upcasts: {
      1: (stored) => ({ amount: `${z.object({ cents: z.number() }).parse(stored).cents}0000000` }),
      2: (stored) => ({ ...z.object({ amount: z.string() }).parse(stored), currency: 'USD' }),
    },
  },
});

const id = '01980000-0000-7000-8000-000000000000' as EventId;
const metadata: EventMetadata = { actor: { type: 'system', id: 'spec' }, at: epochMs(1_767_225_600_000) };
const noted = (text: string, more: Partial<EventEnvelope<Noted>> = {}): EventEnvelope<Noted> => ({
  id,
  event: { type: 'Noted', data: { text } },
  metadata,
  ...more,
});
const place = { id, stream: 'spec' as StreamName, revision: 4n, position: 9n };
const stored = (type: string, body: string | Uint8Array): StoredEvent => ({
  ...place,
  type,
  body: typeof body === 'string' ? Buffer.from(body) : body,
});
const storedPaid = (v: unknown, data: unknown, at = '2026-01-01T00:00:00.000Z') =>
  stored('Paid', JSON.stringify({ actor: metadata.actor, at, data, id, type: 'Paid', v }));

describe('writing an event', () => {
  it('makes its canonical bytes', () => {
    const { body, ...rest } = codec.encode(noted('Hello'));
    expect(rest).toEqual({ id, type: 'Noted' });
    expect(Buffer.from(body).toString()).toBe(
      '{"actor":{"id":"spec","type":"system"},"at":"2026-01-01T00:00:00.000Z","data":{"text":"Hello"},' +
        '"id":"01980000-0000-7000-8000-000000000000","type":"Noted","v":1}',
    );
  });

  it('leaves out secrets of the platform that somebody typed into a text', () => {
    const secret = `aiaas_live_${'0'.repeat(26)}_${'a'.repeat(36)}`;
    const { body } = codec.encode(noted(`leaked: ${secret}`));
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ data: { text: 'leaked: aiaas_live_[redacted]' } });
  });

  it('refuses what cannot be canonicalized', () => {
    expect(() => codec.encode(noted('\ud800'))).toThrow(UnencodableEventError);
  });

  it('refuses what is too large, to the byte', () => {
    const frame = codec.encode(noted('')).body.length;
    expect(codec.encode(noted('x'.repeat(EVENT_BYTES_MAX - frame))).body).toHaveLength(EVENT_BYTES_MAX);
    expect(() => codec.encode(noted('x'.repeat(EVENT_BYTES_MAX - frame + 1)))).toThrow(UnencodableEventError);
  });

  it('refuses a type of another union', () => {
    const foreign = { ...noted(''), event: { type: 'Sung', data: {} } } as unknown as EventEnvelope<Noted>;
    expect(() => codec.encode(foreign)).toThrow(UnencodableEventError);
  });
});

describe('reading an event', () => {
  it('gives back all that was written, and where it lies', () => {
    const envelope = noted('Hello', {
      metadata: {
        ...metadata,
        orgId: 'org_01k00000000000000000000000' as OrganizationId,
        requestId: 'req_01k00000000000000000000000' as RequestId,
        correlationId: 'correlation',
        causationId: 'cause',
      },
      personal: { subject: 'mem_1', keyVersion: 1, ciphertext: 'AAAA' },
    });
    const { body } = codec.encode(envelope);
    expect(codec.decode(stored('Noted', body))).toEqual({ ...envelope, ...place });
  });

  it('turns stored decimals into money', () => {
    const event = { type: 'Paid', data: { amount: usd('1.5'), currency: 'USD' } } as const;
    const { body } = codec.encode({ id, event, metadata });
    expect(codec.decode(stored('Paid', body))?.event).toEqual(event);
  });

  it('does not know types of other unions', () => {
    expect(codec.decode(stored('Sung', '{}'))).toBeUndefined();
    expect(codec.types).toEqual(['Noted', 'Paid']);
  });

  it('brings every older version up to date, step by step', () => {
    const paid = { type: 'Paid', data: { amount: usd('1.5'), currency: 'USD' } };
    expect(codec.decode(storedPaid(1, { cents: 150 }))?.event).toEqual(paid);
    expect(codec.decode(storedPaid(2, { amount: '1500000000' }))?.event).toEqual(paid);
    expect(codec.decode(storedPaid(3, { amount: '1500000000', currency: 'USD' }))?.event).toEqual(paid);
  });

  it('ignores fields that a newer program added', () => {
    const body = JSON.stringify({ ...JSON.parse(Buffer.from(codec.encode(noted('Hello')).body).toString()), extra: 1 });
    expect(codec.decode(stored('Noted', body))?.event).toEqual({ type: 'Noted', data: { text: 'Hello' } });
  });

  const good = { amount: '1', currency: 'USD' };
  it.each<[string, StoredEvent]>([
    ['a version that is newer than this program', storedPaid(4, good)],
    ['no version', storedPaid(undefined, good)],
    ['a version that is no number', storedPaid('3', good)],
    ['a version before the first', storedPaid(0, good)],
    ['data that its schema refuses', storedPaid(3, { amount: 1, currency: 'USD' })],
    ['data that an upcast cannot take', storedPaid(1, {})],
    ['no time', storedPaid(3, good, 'yesterday')],
    ['a body that is no JSON', stored('Noted', '{')],
    ['a body that is null', stored('Noted', 'null')],
    ['bytes that are no UTF-8', stored('Noted', Uint8Array.of(0x22, 0xff, 0x22))],
  ])('reports %s with its place', (_, event) => {
    expect(() => codec.decode(event)).toThrow(UnreadableEventError);
    expect(() => codec.decode(event)).toThrow(`${event.type} at spec@4 (${id})`);
  });

  it('reports a version from which no step leads on', () => {
    const gap = eventCodec<Noted>({ Noted: { version: 2, data: z.object({ text: z.string() }) } });
    expect(() => gap.decode(stored('Noted', codec.encode(noted('Hello')).body))).toThrow(UnreadableEventError);
  });
});

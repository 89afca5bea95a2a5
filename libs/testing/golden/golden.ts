import { deepStrictEqual, fail, ok } from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DomainEvent, EventCodec, EventEnvelope, EventId, OrganizationId, StoredEvent, StreamName } from '#kernel';
import { epochMs } from '#kernel';

/** At least one sample of every type of a union; the first one is what the golden file holds. */
export type EventSamples<E extends DomainEvent> = {
  readonly [T in E['type']]: readonly [Extract<E, { type: T }>, ...Extract<E, { type: T }>[]];
};

export interface GoldenOptions<E extends DomainEvent> {
  readonly codec: EventCodec<E>;
  readonly samples: EventSamples<E>;
  /** Where `<Type>.v<version>.json` lie, for example `join(__dirname, 'golden')`. */
  readonly folder: string;
  /** Writes golden files that are missing; one that exists is never written again. Default: UPDATE_GOLDEN=1. */
  readonly writeMissing?: boolean;
}

export interface GoldenCheck {
  readonly name: string;
  readonly run: () => void;
}

const EVENT_ID = '01980000-0000-7000-8000-000000000000' as EventId;
const GOLDEN_FILE = /^([A-Za-z]+)\.v([1-9]\d*)\.json$/;

/** The same envelope around every sample, so that golden files differ in nothing but their data. */
function envelopeOf<E extends DomainEvent>(event: E): EventEnvelope<E> {
  return {
    id: EVENT_ID,
    event,
    metadata: {
      actor: { type: 'system', id: 'golden' },
      at: epochMs(1_767_225_600_000),
      orgId: 'org_01k00000000000000000000000' as OrganizationId,
    },
  };
}

function stored(type: string, body: Uint8Array): StoredEvent {
  return { id: EVENT_ID, type, body, stream: 'golden' as StreamName, revision: 0n, position: 1n };
}

function decodeAs<E extends DomainEvent>(codec: EventCodec<E>, type: string, body: Uint8Array): E {
  const decoded = codec.decode(stored(type, body));
  return decoded === undefined ? fail(`the codec does not know ${type}`) : decoded.event;
}

function checkRoundTrip<E extends DomainEvent>(codec: EventCodec<E>, sample: E): void {
  const envelope = envelopeOf(sample);
  const encoded = codec.encode(envelope);
  const decoded = codec.decode(stored(encoded.type, encoded.body));
  deepStrictEqual(decoded?.event, sample);
  deepStrictEqual(decoded?.metadata, envelope.metadata);
}

function checkNewestGolden<E extends DomainEvent>(options: GoldenOptions<E>, sample: E): void {
  const { codec, folder, writeMissing = process.env.UPDATE_GOLDEN === '1' } = options;
  const { body } = codec.encode(envelopeOf(sample));
  const { v } = JSON.parse(Buffer.from(body).toString()) as { v: number };
  const path = join(folder, `${sample.type}.v${v}.json`);
  if (!existsSync(path)) {
    if (!writeMissing) fail(`${path} is missing: run the spec once with UPDATE_GOLDEN=1 and commit the file`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, body);
  }
  const hint = `${sample.type} is no longer stored as version ${v} says: raise its version and add an upcast`;
  deepStrictEqual(readFileSync(path, 'utf8'), Buffer.from(body).toString(), hint);
  deepStrictEqual(decodeAs(codec, sample.type, readFileSync(path)), sample);
}

function checkStoredGolden<E extends DomainEvent>(codec: EventCodec<E>, folder: string, file: string): void {
  const [, type, version] = GOLDEN_FILE.exec(file) ?? fail(`${file} is no name of a golden file`);
  const body = readFileSync(join(folder, file));
  const { v } = JSON.parse(body.toString()) as { v: number };
  deepStrictEqual(String(v), version, `${file} holds version ${v}`);
  ok(decodeAs(codec, type ?? '', body));
}

/**
 * Every event type survives its codec; its stored form is the one in its golden file, byte for byte; and the golden
 * files of every version ever stored stay readable. For `it.each(goldenChecks(…))('$name', ({ run }) => run())`.
 */
export function goldenChecks<E extends DomainEvent>(options: GoldenOptions<E>): readonly GoldenCheck[] {
  const { codec, samples, folder } = options;
  const byType = Object.values(samples) as (readonly [E, ...E[]])[];
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  return [
    {
      name: 'every event type has samples',
      run: () => deepStrictEqual(Object.keys(samples).sort(), [...codec.types].sort()),
    },
    ...byType.flatMap((ofType) =>
      ofType.map((sample, i) => ({
        name: `${sample.type} survives its codec (sample ${i + 1} of ${ofType.length})`,
        run: () => checkRoundTrip(codec, sample),
      })),
    ),
    ...byType.map(([first]) => ({
      name: `${first.type} is stored as its golden file says`,
      run: () => checkNewestGolden(options, first),
    })),
    ...files.map((file) => ({
      name: `golden ${file} stays readable`,
      run: () => checkStoredGolden(codec, folder, file),
    })),
  ];
}

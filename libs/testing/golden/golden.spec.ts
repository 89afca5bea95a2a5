import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { DomainEvent } from '#kernel';
import { eventCodec } from '#kernel';
import type { GoldenOptions } from './golden';
import { goldenChecks } from './golden';

type Painted = DomainEvent<'Painted', { colour: string }>;

const v1 = eventCodec<Painted>({ Painted: { version: 1, data: z.object({ colour: z.string() }) } });
const samples = { Painted: [{ type: 'Painted', data: { colour: 'red' } }] } as const;

describe('golden checks', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'golden-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const runAll = (options: Partial<GoldenOptions<Painted>> = {}) => {
    for (const check of goldenChecks({ codec: v1, samples, folder, writeMissing: false, ...options })) check.run();
  };

  it('demands a golden file, and writes it only when asked to', () => {
    expect(() => runAll()).toThrow('UPDATE_GOLDEN=1');
    expect(readdirSync(folder)).toEqual([]);
    runAll({ writeMissing: true });
    expect(JSON.parse(readFileSync(join(folder, 'Painted.v1.json'), 'utf8'))).toMatchObject({
      data: { colour: 'red' },
      type: 'Painted',
      v: 1,
    });
    runAll();
  });

  it('notices a stored form that changed without a new version, even when asked to write', () => {
    runAll({ writeMissing: true });
    const changed = eventCodec<Painted>({
      Painted: { version: 1, data: z.object({ colour: z.string(), coats: z.number().default(1) }) },
    });
    expect(() => runAll({ codec: changed, writeMissing: true })).toThrow();
    const repainted = { Painted: [{ type: 'Painted', data: { colour: 'blue' } }] } as const;
    expect(() => runAll({ samples: repainted, writeMissing: true })).toThrow('add an upcast');
  });

  it('notices an old version that can no longer be read', () => {
    runAll({ writeMissing: true });
    const data = z.object({ colour: z.string().startsWith('#') });
    const hex = { Painted: [{ type: 'Painted', data: { colour: '#f00' } }] } as const;
    const forgetful = eventCodec<Painted>({ Painted: { version: 2, data } });
    expect(() => runAll({ codec: forgetful, samples: hex, writeMissing: true })).toThrow('cannot be read');
    const upcasting = eventCodec<Painted>({
      Painted: { version: 2, data, upcasts: { 1: () => ({ colour: '#f00' }) } },
    });
    runAll({ codec: upcasting, samples: hex });
    expect(readdirSync(folder)).toEqual(['Painted.v1.json', 'Painted.v2.json']);
  });

  it('notices a field that the schema drops', () => {
    const lossy = eventCodec<Painted>({
      Painted: { version: 1, data: z.object({}).transform(() => ({ colour: 'red' })) },
    });
    const blue = { Painted: [{ type: 'Painted', data: { colour: 'blue' } }] } as const;
    expect(() => runAll({ codec: lossy, samples: blue, writeMissing: true })).toThrow();
  });

  it('notices a file that is named for another version or type', () => {
    runAll({ writeMissing: true });
    writeFileSync(join(folder, 'Painted.v3.json'), readFileSync(join(folder, 'Painted.v1.json')));
    expect(() => runAll()).toThrow('holds version 1');
  });
});

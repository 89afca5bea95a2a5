import fc from 'fast-check';
import { InvalidJsonError, readClientBody, readClientText } from './client-body';
import { JsonDocument } from './document';
import type { JsonObject } from './object';
import { membersAt, skipSpace, stringEnd, survey, valueEnd } from './text-scan';
import { writeAnew, writeEdited } from './write';

/** JSON texts as the world writes them: with white space, escapes, and numbers that no double holds. */
const space = fc.constantFrom('', ' ', '\n', '\t ', '\r\n  ');
const numberText = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom('-0', '0', '1.0', '1E5', '1e400', '-1e-400', '9007199254740993', '0.10', '12345678901234567890e+3'),
);
const stringText = fc.oneof(
  fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value)),
  fc.string({ minLength: 50, maxLength: 200 }).map((value) => JSON.stringify(value)),
  fc.constantFrom(
    '"\\u0061"',
    '"\\/"',
    '"\\\\"',
    '"\\\\\\""',
    '""',
    '"\\ud800"',
    `"${'\\"'.repeat(60)}"`,
    '"{\\"a\\":[1,"',
  ),
);
const keyText = fc.oneof(
  fc.constantFrom('"10"', '"2"', '"a"', '"b"', '"\\u0063"', '"toString"', '"constructor"', '"x:y"', '"{"', '"\\\\"'),
  fc.string({ maxLength: 5 }).map((value) => JSON.stringify(value)),
);
function spelled(key: string): string {
  return String(JSON.parse(key));
}
const { text: jsonText } = fc.letrec<{ text: string; object: string; array: string }>((tie) => ({
  text: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    numberText,
    stringText,
    fc.constantFrom('true', 'false', 'null'),
    tie('array'),
    tie('object'),
  ),
  array: fc
    .tuple(fc.array(tie('text'), { maxLength: 4 }), space)
    .map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
  object: fc
    .tuple(fc.uniqueArray(fc.tuple(keyText, tie('text')), { maxLength: 5, selector: ([key]) => spelled(key) }), space)
    .filter(([members]) => members.every(([key]) => spelled(key) !== '__proto__'))
    .map(
      ([members, gap]) =>
        `{${gap}${members.map(([key, value]) => `${key}${gap}:${gap}${value}`).join(`${gap},${gap}`)}${gap}}`,
    ),
}));
const objectText = fc
  .tuple(fc.uniqueArray(fc.tuple(keyText, jsonText), { maxLength: 6, selector: ([key]) => spelled(key) }), space)
  .filter(([members]) => members.every(([key]) => spelled(key) !== '__proto__'))
  .map(
    ([members, gap]) => `${gap}{${members.map(([key, value]) => `${gap}${key}:${gap}${value}`).join(',')}${gap}}${gap}`,
  );

function objectOf(document: JsonDocument): JsonObject {
  return document.value as JsonObject;
}

describe('the scan of a text', () => {
  it('finds the end of every value, wherever it stands', () => {
    fc.assert(
      fc.property(jsonText, fc.constantFrom('', ',', '}', ' ]'), (text, rest) => {
        expect(valueEnd(text + rest, 0)).toBe(text.length);
      }),
    );
  });

  it.each(['"', '"\\"', '"a\\\\"', `"${'x'.repeat(39)}\\""`, `"${'\\\\'.repeat(30)}"`, `"${'x'.repeat(38)}\\\\\\""`])(
    'finds the closing quote of %s',
    (text) => {
      const whole = text === '"' ? '""' : text.endsWith('\\"') && !text.endsWith('\\\\"') ? `${text}"` : text;
      expect(stringEnd(`${whole}:"more"`, 0)).toBe(whole.length);
    },
  );

  it('reads the members of an object in the order of the text', () => {
    fc.assert(
      fc.property(objectText, (text) => {
        const object = JSON.parse(text) as JsonObject;
        const members = membersAt(text, skipSpace(text, 0));
        expect(new Set(members.map(({ key }) => key))).toEqual(new Set(Object.keys(object)));
        for (const { key, keyStart, valueStart, valueEnd: end } of members) {
          expect(JSON.parse(text.slice(valueStart, end))).toEqual(object[key]);
          expect(text[keyStart]).toBe('"');
        }
      }),
    );
  });

  it('notes the members of the outermost object while it looks for something else', () => {
    fc.assert(
      fc.property(objectText, (text) => {
        expect(survey(text, 1_000).outermost?.spans(text)).toEqual(membersAt(text, skipSpace(text, 0)));
      }),
    );
    expect(survey('[{"a":1},2]', 8).outermost?.spans('[{"a":1},2]')).toEqual([]);
  });

  it.each([64, 65, 1_000])('finds all members of an object of %d', (count) => {
    const text = JSON.stringify(
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, [index]])),
    );
    const { members } = JsonDocument.parse(text, survey(text, 8));
    expect(members).toEqual(membersAt(text, 0));
    expect(members).toHaveLength(count);
  });

  it.each([
    ['0.5', 0],
    ['-0.5', 0],
    ['0.50', 1],
    ['-0', 1],
    ['-0.0', 3],
    ['0.00000012', 4],
    ['0.05', 0],
    ['1.0', 2],
    ['123456789012345', 0],
    ['12345678901234567890', 0],
    ['1e5', 0],
    ['1.5e0', 2],
  ])('the number %s is longer than its value by %d', (text, excess) => {
    expect(survey(`[${text}]`, 8).numberExcess).toBe(excess);
  });

  it('ends on every text, whether it is JSON or not', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\ -1e'), maxLength: 60 }), (text) => {
        expect(survey(text, 8).members).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('counts members, and by how much numbers are longer than their values say', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        let members = 0;
        let shortest = 0;
        JSON.parse(text, (_key, value: unknown) => {
          if (typeof value === 'number') shortest += String(value).length;
          else if (typeof value === 'object' && value !== null && !Array.isArray(value))
            members += Object.keys(value).length;
          return value;
        });
        const numbers = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').match(/-?\d[\d.eE+-]*/g) ?? [];
        const seen = survey(text, 1_000);
        expect(seen.members).toBe(members);
        const longest = numbers.reduce((sum, one) => sum + Math.max(one.length, String(Number(one)).length), 0);
        expect(seen.numberExcess).toBe(longest - shortest);
      }),
    );
  });

  it.each([
    ['[[[1]]]', false],
    ['[[[[1]]]]', true],
    ['{"a":{"b":[]}}', false],
    ['{"a":{"b":[{}]}}', true],
    ['"[[[[[["', false],
  ])('%s is deeper than three levels: %s', (text, isTooDeep) => {
    expect(survey(text, 3).isTooDeep).toBe(isTooDeep);
  });
});

describe('a document', () => {
  it('knows the text of each of its parts', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const document = JsonDocument.parse(text);
        const visit = (value: unknown): void => {
          if (typeof value !== 'object' || value === null) return;
          const own = document.textOf(value);
          expect(own).toBeDefined();
          expect(JSON.parse(own ?? '')).toEqual(value);
          for (const part of Object.values(value)) visit(part);
        };
        visit(document.value);
      }),
    );
  });

  it('is found by its value and leaves no trace on it, even on one that nothing may change', () => {
    const value = Object.freeze({ a: 1 });
    const document = JsonDocument.known('{"a":1.0}', value);
    expect(JsonDocument.from(value)).toBe(document);
    expect(Reflect.ownKeys(value)).toEqual(['a']);
    expect(JsonDocument.from({ ...value })).toBeUndefined();
    expect(JsonDocument.from(structuredClone(value))).toBeUndefined();
    const later = JsonDocument.known('{"a":1e0}', value);
    expect(JsonDocument.from(value)).toBe(later);
  });

  it('knows nothing of others', () => {
    const document = JsonDocument.parse('{"a":{"b":1}}');
    expect(document.textOf({ b: 1 })).toBeUndefined();
    expect(JsonDocument.from({ b: 1 })).toBeUndefined();
    expect(JsonDocument.from(document.value)).toBe(document);
  });
});

describe('what stands twice in an answer', () => {
  it.each([
    ['{"usage":{"a":1}}', false],
    ['{"usage":null,"x":{"y":1,"y":2}}', false],
    ['{"usage":{"a":1},"us\\u0061ge":{"a":1}}', true],
    ['{"usage":{"a":1,"a":1}}', true],
    ['{"usage":{"b":[{"a":1,"a":2}]}}', true],
    [`{"usage":${'['.repeat(1_000)}${']'.repeat(1_000)}}`, true],
    ['{}', false],
    ['[1]', false],
  ])('%s is ambiguous: %s', (text, isAmbiguous) => {
    expect(JsonDocument.parse(text).isAmbiguous('usage')).toBe(isAmbiguous);
  });

  it('a document that is deeper than any recursion can be walked all the same', () => {
    const document = JsonDocument.parse(`{"a":[1.0],"b":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(document.textOf(objectOf(document).a as object)).toBe('[1.0]');
  });
});

describe('writeEdited', () => {
  it('writes what did not change as it came', () => {
    fc.assert(
      fc.property(objectText, (text) => {
        const document = JsonDocument.parse(text);
        expect(writeEdited(objectOf(document), document)).toBe(text);
        expect(writeEdited({ ...objectOf(document) }, document)).toBe(text);
      }),
    );
  });

  it('says what the object says, and keeps the text of all other members', () => {
    const edits = fc.dictionary(
      fc.constantFrom('a', 'b', '10', '2', 'x:y', 'new'),
      fc.oneof(fc.constant(undefined), fc.string(), fc.integer(), fc.constant({ x: [1, {}] })),
    );
    fc.assert(
      fc.property(objectText, edits, (text, changes) => {
        const document = JsonDocument.parse(text);
        const edited = writeEdited({ ...objectOf(document), ...changes }, document);
        const merged = Object.entries({ ...JSON.parse(text), ...changes }).filter(([, value]) => value !== undefined);
        expect(JSON.parse(edited)).toEqual(Object.fromEntries(merged));
        const kept = membersAt(text, skipSpace(text, 0)).filter(({ key }) => !Object.hasOwn(changes, key));
        for (const { keyStart, valueEnd: end } of kept) expect(edited).toContain(text.slice(keyStart, end));
      }),
    );
  });

  it.each([
    ['changes in place', '{"a": 1, "b": 2.0}', { a: 5, b: 2 }, '{"a": 5, "b": 2.0}'],
    ['removes the first', '{ "a":1, "b":1e400 }', { b: Number.POSITIVE_INFINITY }, '{ "b":1e400 }'],
    ['removes the last', '{"a":1.0, "b":2}', { a: 1 }, '{"a":1.0}'],
    ['removes all', '{ "a":1, "b":2 }', {}, '{  }'],
    ['adds at the end', '{"a":1.0 }', { a: 1, c: 'x' }, '{"a":1.0,"c":"x" }'],
    ['adds to nothing', '{}', { c: 1 }, '{"c":1}'],
    ['removes the first two and adds', '{"a":1,"b":2,"c":3}', { c: 3, d: 4 }, '{"c":3,"d":4}'],
    ['removes one in the middle', '{"a":1, "b":2, "c":3}', { a: 1, c: 3 }, '{"a":1, "c":3}'],
    [
      'edits within members',
      '{"u":{"p":1.0,"q":2}}',
      { u: { p: 1, q: 2, cost: '0' } },
      '{"u":{"p":1.0,"q":2,"cost":"0"}}',
    ],
  ])('%s', (_what, text, object, expected) => {
    expect(writeEdited(object, JsonDocument.parse(text))).toBe(expected);
  });

  it('leaves one of a key that stands twice when it is written', () => {
    const document = JsonDocument.parse('{"model":"x","a":1,"model":"y"}');
    expect(writeEdited({ a: 1, model: 'z' }, document)).toBe('{"a":1,"model":"z"}');
  });

  it('writes what is decided even where it says the same', () => {
    const document = JsonDocument.parse('{"max_tokens":1e2,"n":1e0}');
    expect(writeEdited({ ...objectOf(document) }, document, new Set(['max_tokens']))).toBe(
      '{"max_tokens":100,"n":1e0}',
    );
  });
});

describe('writeAnew', () => {
  it('takes parts of its source and whole documents as they stand', () => {
    const source = JsonDocument.parse('{"schema":{"z":1.0,"10":9007199254740993,"2":{}},"n":5}');
    const input = JsonDocument.parse('{ "id": 2512292042121000001 }');
    const tree = { parameters: objectOf(source).schema, calls: [{ input: input.value }], n: 5 };
    expect(writeAnew(tree, source)).toBe(
      '{"parameters":{"z":1.0,"10":9007199254740993,"2":{}},"calls":[{"input":{ "id": 2512292042121000001 }}],"n":5}',
    );
  });

  it('is what JSON.stringify is for anything else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(writeAnew(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('never turns a number into null', () => {
    const numbers = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(JSON.parse(writeAnew({ numbers }))).toEqual({ numbers });
  });
});

describe('the body of a client', () => {
  const read = (text: string) => readClientBody(Buffer.from(text));

  it('is its text and its value', () => {
    const text = '{"seed": 9007199254740993, "a":"ü"}';
    expect(read(text)).toMatchObject({ text, value: { a: 'ü' } });
    expect(JsonDocument.from(read(text).value)?.text).toBe(text);
  });

  it.each([
    ['no JSON', Buffer.from('{"a":')],
    ['nothing', Buffer.alloc(0)],
    ['two values', Buffer.from('{}{}')],
    ['a mark of the byte order', Buffer.from('\ufeff{}')],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3]), Buffer.from('"}')])],
    [
      'half a surrogate in UTF-8',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    ],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['a prototype', Buffer.from('{"a":[{"__proto__":1}]}')],
    ['an escaped prototype', Buffer.from('{"\\u005f_proto__":1}')],
  ])('%s is none', (_what, bytes) => {
    expect(() => readClientBody(bytes)).toThrow(InvalidJsonError);
  });

  it.each([
    ['{"model":"a","model":"b"}', 'model'],
    ['{"model":"a","mod\\u0065l":"a"}', 'model'],
    ['{"messages":[{"role":"user"},{"content":"x","role":"user","content":""}]}', 'messages[1].content'],
    ['{"tools":[{"a":{"x":1,"y":[{"k":{},"k":{}}]}}]}', 'tools[0].a.y[0].k'],
    ['{"":1,"":2}', ''],
  ])('in %s the key %s stands twice', (text, param) => {
    expect(read(text).fault).toMatchObject({ code: 'ambiguous_field', param });
  });

  it('may hold any key once in each object', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(readClientText(text).fault).toBeUndefined();
      }),
    );
  });

  it.each(['[', '{"a":'])('that is nested too deeply is not even parsed: %s', (open) => {
    const body = read(open.repeat(1_000_000));
    expect(body).toMatchObject({ value: undefined, fault: { code: 'nesting_too_deep' } });
  });
});

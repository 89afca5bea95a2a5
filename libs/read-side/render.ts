import { present } from '#kernel';

/** Names of an answer's fields where a plane has its own for them, such as `data` for what a page holds. */
export type FieldNames = Readonly<Record<string, string>>;

const encoder = new TextEncoder();

/** An answer as JSON in UTF-8, in the shape of the planes whose names are camelCase. The bytes are nobody else's. */
export function rendered(answer: object, names: FieldNames = {}): Uint8Array<ArrayBuffer> {
  const named = Object.fromEntries(Object.entries(answer).map(([name, value]) => [names[name] ?? name, value]));
  return encoder.encode(JSON.stringify(present(named, 'camel')));
}

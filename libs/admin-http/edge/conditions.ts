const TAGS = /^\s*(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*\s*$/;

/**
 * The tags of an If-Match (RFC 9110 §13.1.1). `undefined`: no condition beyond the resource's existence, which the
 * command asks for anyway. Weak tags never match, and a malformed header matches nothing: it must not be ignored.
 */
export function parseIfMatch(header: string | undefined): readonly string[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  if (!TAGS.test(header)) return [];
  return [...header.matchAll(/(W\/)?"([^"]*)"/g)].flatMap(([, weak, tag]) =>
    weak === undefined && tag !== undefined ? [tag] : [],
  );
}

const IDEMPOTENCY_KEY = /^[!-~](?:[ -~]{0,198}[!-~])?$/;
export const IDEMPOTENCY_KEY_RULE = 'An Idempotency-Key has 1 to 200 printable ASCII characters.';

export function isIdempotencyKey(header: string): boolean {
  return IDEMPOTENCY_KEY.test(header);
}

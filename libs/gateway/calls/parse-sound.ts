import type { BodyFault, ClientBody } from '#inference';

type Refused = { readonly ok: false; readonly refusal: BodyFault };

/** Hands a body to a dialect's parser, unless there is something wrong with it that no dialect would see. */
export function parseSound<P>({ value, fault }: ClientBody, parse: (value: unknown) => P): P | Refused {
  return fault === undefined ? parse(value) : { ok: false, refusal: fault };
}

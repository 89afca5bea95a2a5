import { canonicalJson } from '#kernel';

/** Leaves out fields that are undefined, so that an absent field is absent in events and states too. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** What a field becomes under a change: `undefined` leaves it, `null` removes it. */
export function changed<T>(change: T | null | undefined, current: T | undefined): T | undefined {
  return change === undefined ? current : (change ?? undefined);
}

/** Whether two pieces of event data would be stored alike. */
export function sameData(a: object, b: object): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

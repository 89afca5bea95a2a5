/** What one route is asked and what it answers. */
export interface Walked {
  /** As the access table names it. */
  readonly route: string;
  readonly path: () => string;
  readonly body?: () => object;
  readonly status?: number;
  readonly answer: object;
  /** Bodies that are refused, with the pointer to what is wrong. */
  readonly invalid?: readonly (readonly [body: unknown, pointer: string])[];
  /** Whether a repeat changes nothing; where it makes another one, it does. */
  readonly isRepeatable?: boolean;
  /** Under which name the id of what is made is kept. */
  readonly as?: string;
}

/** Of what the walk has made so far. */
export const ids: Record<string, string> = {};
export const id = (name: string) => ids[name] ?? '(none yet)';
/** One page of a list. */
export const list = { data: expect.any(Array), next: null };
/** The rest of an id that nobody has. */
export const nothing = '00000000000000000000000000';

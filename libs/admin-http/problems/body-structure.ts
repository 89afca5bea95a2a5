import type { InvalidField } from './problem';

/** Far beyond what any command needs, far below what makes a recursive reader run out of stack. */
export const BODY_DEPTH_MAX = 16;

export function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 6901: `~` and `/` are escaped. */
export function pointerTo(parent: string, property: string): string {
  return `${parent}/${property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/**
 * What is wrong with a body before anybody looks at its fields: too deep, or a key such as `toString`, which the making
 * of an instance passes over in silence. `undefined` when nothing is.
 */
export function structureProblem(value: unknown, pointer = '', depth = 0): InvalidField | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= BODY_DEPTH_MAX) return { pointer, message: `The body is nested deeper than ${BODY_DEPTH_MAX} levels.` };
  for (const [key, member] of Object.entries(value)) {
    const place = pointerTo(pointer, key);
    if (key in Object.prototype) return { pointer: place, message: 'There is no such field here.' };
    const problem = structureProblem(member, place, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

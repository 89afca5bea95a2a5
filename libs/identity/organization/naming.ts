import { NAME_RULE, nameKey } from '../names';
import { no } from './commands';

/** How much one organization may hold, archived and disabled included: its state has to fit in memory. */
export const PROJECTS_MAX = 10_000;
export const TEAMS_MAX = 1_000;
export const SERVICE_ACCOUNTS_MAX = 2_000;

export const invalidName = (kind: string) => no('invalid_name', `This is no name for ${kind}: ${NAME_RULE}.`);

export const nameTaken = (name: string) => no('name_taken', `"${name}" is taken, if in other letters: choose another.`);

export const limitReached = (max: number, kind: string) =>
  no('limit_reached', `An organization has at most ${max} ${kind}: ask the platform's administrator for another.`);

/** Whether a name is in use by another one of its kind; names that differ in case only are the same to people. */
export function isTaken<T extends { readonly id: string; readonly name: string }>(
  name: string,
  self: T['id'],
  others: Iterable<T>,
): boolean {
  const key = nameKey(name);
  for (const other of others) if (other.id !== self && nameKey(other.name) === key) return true;
  return false;
}

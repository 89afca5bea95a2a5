import type { Backend } from '../catalogue/types';

type Lists = Pick<Backend, 'allowFields' | 'dropFields'>;

export interface UnknownFieldRefusal {
  readonly code: 'unsupported_field';
  readonly param: string;
  readonly message: string;
}

function isNamed(list: readonly string[], path: string): boolean {
  return list.some((name) => path === name || path.startsWith(`${name}.`));
}

/** Fields that only this backend's operator lets through, and that are therefore sent to it as the client wrote them. */
export function allowedFields(unknown: readonly string[], { allowFields = [] }: Lists): readonly string[] {
  return unknown.filter((path) => isNamed(allowFields, path));
}

/** Why a request with fields that its route does not know cannot go to a backend; undefined where it can. */
export function unknownFieldRefusal(
  unknown: readonly string[],
  { allowFields = [], dropFields }: Lists,
): UnknownFieldRefusal | undefined {
  const param = unknown.find((path) => !isNamed(allowFields, path) && !isNamed(dropFields, path));
  if (param === undefined) return undefined;
  return {
    code: 'unsupported_field',
    param,
    message: `'${param}' is not known to cost nothing, so it is not passed on. Remove it, or ask the operator of this platform to name it in 'allowFields' of the model's backend.`,
  };
}

import type { BackendKind } from '#inference/catalogue';
import type { CarryRefusal } from '../calls/dialect';

/** Routes that exist only where a backend speaks OpenAI's dialect: nothing elsewhere means the same. */
export function onlyOpenAiKinds(_request: unknown, kind: BackendKind): CarryRefusal | undefined {
  if (kind !== 'anthropic') return undefined;
  return {
    code: 'model_not_for_route',
    param: 'model',
    message: 'The backend of this model has no such endpoint. Choose another model from GET /v1/models.',
  };
}

import { type ModelId, parseModelId } from '#kernel';
import type { Exchange } from '../edge/exchange';
import { notFound } from '../problems/problem';

const PREFIX = '/admin/v1/models/';

/** What a path below a model names: the model itself, or a list or command of it. */
export type ModelPart = 'model' | 'prices' | 'prices/withdraw' | 'reopen' | 'lift-stop';

const PARTS = ['prices/withdraw', 'prices', 'reopen', 'lift-stop'] as const;

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads `…/models/{id}`, `…/{id}/prices`, `…/{id}/prices/withdraw` and `…/{id}/reopen`, where the id may hold slashes, raw or encoded. The raw URL
 * is read, for in a decoded one a model called `a/prices` and the prices of `a` are the same; encoded (`a%2Fprices`) it
 * is the model.
 */
export function modelPathOf({ request }: Exchange): { readonly part: ModelPart; readonly modelId: ModelId } {
  const [path = ''] = request.url.split('?');
  const rest = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : '';
  const part = PARTS.find((name) => rest.endsWith(`/${name}`));
  const text = decoded(part === undefined ? rest : rest.slice(0, -(part.length + 1)));
  const modelId = text === undefined ? undefined : parseModelId(text);
  if (modelId === undefined) throw notFound('model');
  return { part: part ?? 'model', modelId };
}

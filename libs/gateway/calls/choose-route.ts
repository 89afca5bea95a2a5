import type { PickedRoute } from '#inference';
import type { Model } from '#inference/catalogue';
import type { BackendId } from '#kernel';
import type { Caller } from './caller';
import type { CarryRefusal, Dialect, MeteredRequest } from './dialect';
import type { CallDependencies } from './ports';

export type ChosenRoute =
  | { readonly ok: true; readonly picked: PickedRoute }
  /** No backend may be asked now. `refusal`: the request means nothing to any that the model has. */
  | { readonly ok: false; readonly refusal?: CarryRefusal };

/**
 * Where a call goes: the router's choice among the backends to which the request means the same. A model may stand on
 * backends of several kinds, and a request that carries over to one of them must not be refused by the luck of the draw.
 * @param tried backends that have failed this call already.
 */
export function chooseRoute<R extends MeteredRequest>(
  { router, models }: Pick<CallDependencies, 'router' | 'models'>,
  { refusalFor }: Pick<Dialect<R>, 'refusalFor'>,
  request: R,
  model: Model,
  { routing }: Pick<Caller, 'routing'>,
  tried: ReadonlySet<BackendId> = new Set(),
): ChosenRoute {
  const unfit = new Set(tried);
  let refusal: CarryRefusal | undefined;
  for (;;) {
    const picked = router.choose(model, routing, unfit);
    if (picked === undefined) break;
    const refused = refusalFor?.(request, picked.backend.kind);
    if (refused === undefined) return { ok: true, picked };
    refusal ??= refused;
    unfit.add(picked.backend.id);
  }
  if (refusal === undefined) return { ok: false };
  // One to which it means something may be away for a while only: that is no fault of the request.
  const fits = model.routes.some(({ backendId, weight, closed }) => {
    const backend = models.backends().get(backendId);
    return weight > 0 && closed !== true && backend !== undefined && refusalFor?.(request, backend.kind) === undefined;
  });
  return fits && routing.onlyBackend === undefined ? { ok: false } : { ok: false, refusal };
}

import { type PickedRoute, unknownFieldRefusal } from '#inference';
import type { Backend, Model } from '#inference/catalogue';
import type { BackendId } from '#kernel';
import type { Caller } from './caller';
import type { CarryRefusal, Dialect, MeteredRequest } from './dialect';
import type { CallDependencies } from './ports';

export type ChosenRoute =
  | { readonly ok: true; readonly picked: PickedRoute }
  /** No backend may be asked now. `refusal`: the request means nothing to any that the model has. */
  | { readonly ok: false; readonly refusal?: CarryRefusal };

/** Why a request cannot go to a backend: a field that nobody vouches for there, or one without a meaning. */
export function backendRefusal<R extends MeteredRequest>(
  { refusalFor }: Pick<Dialect<R>, 'refusalFor'>,
  request: R,
  backend: Backend,
): CarryRefusal | undefined {
  return unknownFieldRefusal(request.unknownFields, backend) ?? refusalFor?.(request, backend.kind);
}

/** Why no backend of a model would take a request with these fields. */
export function unknownFieldRefusalOfModel(
  models: Pick<CallDependencies['models'], 'backends'>,
  { routes }: Model,
  unknownFields: readonly string[],
): CarryRefusal | undefined {
  const refusals = routes.flatMap(({ backendId }) => {
    const backend = models.backends().get(backendId);
    return backend === undefined ? [] : [unknownFieldRefusal(unknownFields, backend)];
  });
  return refusals.includes(undefined) ? undefined : refusals[0];
}

/**
 * Where a call goes: the router's choice among the backends to which the request means the same. A model may stand on
 * backends of several kinds, and a request that carries over to one of them must not be refused by the luck of the draw.
 * @param tried backends that have failed this call already.
 */
export function chooseRoute<R extends MeteredRequest>(
  { router, models }: Pick<CallDependencies, 'router' | 'models'>,
  dialect: Pick<Dialect<R>, 'refusalFor'>,
  request: R,
  model: Model,
  { orgId, routing }: Pick<Caller, 'orgId' | 'routing'>,
  tried: ReadonlySet<BackendId> = new Set(),
): ChosenRoute {
  const unfit = new Set(tried);
  let refusal: CarryRefusal | undefined;
  for (;;) {
    const picked = router.choose(model, orgId, routing, unfit);
    if (picked === undefined) break;
    const refused = backendRefusal(dialect, request, picked.backend);
    if (refused === undefined) return { ok: true, picked };
    refusal ??= refused;
    unfit.add(picked.backend.id);
  }
  if (refusal === undefined) return { ok: false };
  // One to which it means something may be away for a while only: that is no fault of the request.
  const fits = model.routes.some(({ backendId, weight, closed }) => {
    const backend = models.backends().get(backendId);
    if (backend === undefined || weight === 0 || closed === true) return false;
    return backendRefusal(dialect, request, backend) === undefined;
  });
  return fits && routing.onlyBackend === undefined ? { ok: false } : { ok: false, refusal };
}

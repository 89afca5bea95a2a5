import type { BackendId } from '#kernel';
import type { Backend, Model, ModelRoute } from '../catalogue/types';

export interface PickedRoute {
  readonly route: ModelRoute;
  readonly backend: Backend;
}

function openRoutes(model: Pick<Model, 'routes'>, backends: ReadonlyMap<BackendId, Backend>): PickedRoute[] {
  const open: PickedRoute[] = [];
  for (const route of model.routes) {
    const backend = backends.get(route.backendId);
    if (backend !== undefined && route.closed !== true && route.weight > 0) open.push({ route, backend });
  }
  return open;
}

/**
 * Chooses one open route in proportion to the weights. Undefined when there is none.
 * @param random uniform in [0, 1), so that the choice can be repeated in a test.
 */
export function pickRoute(
  model: Pick<Model, 'routes'>,
  backends: ReadonlyMap<BackendId, Backend>,
  random: number,
): PickedRoute | undefined {
  const open = openRoutes(model, backends);
  let rest = random * open.reduce((sum, { route }) => sum + route.weight, 0);
  for (const picked of open) {
    rest -= picked.route.weight;
    if (rest < 0) return picked;
  }
  // Rounding may leave a hair's breadth after the last one.
  return open.at(-1);
}

import { createHash } from 'node:crypto';
import type { BackendId } from '#kernel';
import type { Backend, Model, ModelRoute } from '../catalogue/types';

export interface PickedRoute {
  readonly route: ModelRoute;
  readonly backend: Backend;
}

/** How well a backend is, as the gateway sees it; `down` takes a call only through its next trial. */
export type BackendHealth = 'well' | 'on-trial' | 'down';

export interface RouteQuestion {
  readonly model: Pick<Model, 'routes'>;
  readonly backends: ReadonlyMap<BackendId, Backend>;
  readonly healthOf: (id: BackendId) => BackendHealth;
  /** Uniform in [0, 1), so that the choice can be repeated in a test. */
  readonly random: number;
  /** Backends that have failed this call already. */
  readonly exclude?: ReadonlySet<BackendId>;
  /** Calls with the same key go to the same backend while it is well. */
  readonly stickyKey?: string;
  /** The name of the only backend that is wanted. */
  readonly onlyBackend?: string;
}

function openRoutes({ model, backends, exclude, onlyBackend }: RouteQuestion): PickedRoute[] {
  const open: PickedRoute[] = [];
  for (const route of model.routes) {
    const backend = backends.get(route.backendId);
    if (backend === undefined || route.closed === true || exclude?.has(backend.id) === true) continue;
    if (onlyBackend === undefined ? route.weight === 0 : backend.name !== onlyBackend) continue;
    if (backend.service === 'draining' || backend.service === 'out-of-service') continue;
    open.push({ route, backend });
  }
  return open;
}

/** Calls go to the best tier that has a backend: in service and well, then degraded or on trial; never to one down. */
function bestTier(question: RouteQuestion): readonly PickedRoute[] {
  const open = openRoutes(question).map((picked) => ({ picked, health: question.healthOf(picked.backend.id) }));
  const tiers = [
    open.filter(({ picked, health }) => health === 'on-trial' && picked.backend.service !== 'degraded').slice(0, 1),
    open.filter(({ picked, health }) => health === 'well' && picked.backend.service !== 'degraded'),
    open.filter(({ picked, health }) => health !== 'down' && picked.backend.service === 'degraded'),
  ];
  return tiers.find((tier) => tier.length > 0)?.map(({ picked }) => picked) ?? [];
}

function byWeight(tier: readonly PickedRoute[], random: number): PickedRoute | undefined {
  const weightOf = ({ route }: PickedRoute) => Math.max(route.weight, 1);
  let rest = random * tier.reduce((sum, picked) => sum + weightOf(picked), 0);
  for (const picked of tier) {
    rest -= weightOf(picked);
    if (rest < 0) return picked;
  }
  // Rounding may leave a hair's breadth after the last one.
  return tier.at(-1);
}

/** A number in (0, 1) that a key and a backend always share. */
function share(key: string, backendId: BackendId): number {
  const digest = createHash('sha256').update(`${key}\n${backendId}`).digest();
  return (digest.readUInt32BE(0) + 0.5) / 2 ** 32;
}

/**
 * Weighted rendezvous hashing (Thaler and Ravishankar, 1998; weights after Schindelhauer and Schomaker, 2005): a key
 * moves only when its own backend goes, and keys spread by weight.
 */
function bySticky(tier: readonly PickedRoute[], key: string): PickedRoute | undefined {
  const scored = tier.map((picked) => ({
    picked,
    score: -Math.max(picked.route.weight, 1) / Math.log(share(key, picked.backend.id)),
  }));
  return scored.sort((a, b) => b.score - a.score)[0]?.picked;
}

/**
 * Chooses where a call goes: among the routes of the best tier by weight, or by its sticky key. Undefined when no
 * backend may be asked.
 */
export function pickRoute(question: RouteQuestion): PickedRoute | undefined {
  const tier = bestTier(question);
  return question.stickyKey === undefined ? byWeight(tier, question.random) : bySticky(tier, question.stickyKey);
}

import type { BackendId } from '#kernel';
import type { Backend, BackendService, ModelRoute } from '../catalogue/types';
import { type BackendHealth, pickRoute, type RouteQuestion } from './pick-route';

function backend(name: string): Backend {
  return {
    id: `bkd_${name}` as BackendId,
    name,
    kind: 'simulator',
    baseUrl: 'http://localhost',
    timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1 },
    outputCapField: 'max_tokens',
    streamUsage: true,
    dropFields: [],
    unbilledServerErrors: false,
  };
}

const backends = new Map([backend('a'), backend('b')].map((each) => [each.id, each]));

function route(name: string, weight: number, closed = false): ModelRoute {
  return { backendId: `bkd_${name}` as BackendId, upstreamModel: name, weight, closed };
}

interface Circumstances extends Partial<Omit<RouteQuestion, 'model' | 'healthOf'>> {
  readonly health?: Readonly<Record<string, BackendHealth>>;
}

function picked(routes: readonly ModelRoute[], random: number, { health = {}, ...rest }: Circumstances = {}) {
  const healthOf = (id: BackendId) => health[id.slice('bkd_'.length)] ?? 'well';
  return pickRoute({ model: { routes }, backends, random, healthOf, ...rest })?.backend.name;
}

const withService = (name: string, service: BackendService) => {
  const one = { ...backend(name), service };
  return new Map([...backends, [one.id, one]]);
};

describe('choosing a route', () => {
  const both = [route('a', 1), route('b', 3)];

  it('chooses in proportion to the weights', () => {
    expect([0, 0.24, 0.25, 0.5, 0.999].map((random) => picked(both, random))).toEqual(['a', 'a', 'b', 'b', 'b']);
  });

  it('passes over closed routes, backends that are gone and a weight of 0', () => {
    expect(picked([route('a', 5, true), route('gone', 5), route('b', 1)], 0)).toBe('b');
    expect(picked([route('a', 0), route('b', 1)], 0)).toBe('b');
  });

  it('has no answer when nothing is open', () => {
    expect(picked([route('a', 1, true)], 0.5)).toBeUndefined();
    expect(picked([], 0.5)).toBeUndefined();
  });

  it('survives a draw that rounds up to the very end', () => {
    expect(picked([route('a', 1), route('b', 2)], 1)).toBe('b');
  });

  it('asks no backend that is down, and tries one that may have recovered first', () => {
    expect(picked(both, 0.9, { health: { b: 'down' } })).toBe('a');
    expect(picked(both, 0.9, { health: { a: 'on-trial' } })).toBe('a');
    expect(picked(both, 0.9, { health: { a: 'down', b: 'down' } })).toBeUndefined();
  });

  it.each(['draining', 'out-of-service'] as const)('sends nothing new to a backend that is %s', (service) => {
    expect(picked(both, 0.9, { backends: withService('b', service) })).toBe('a');
    expect(picked([route('b', 1)], 0.5, { backends: withService('b', service) })).toBeUndefined();
  });

  it('keeps a degraded backend for when no other can', () => {
    const degraded = { backends: withService('b', 'degraded') };
    expect(picked(both, 0.9, degraded)).toBe('a');
    expect(picked(both, 0.9, { ...degraded, health: { a: 'down' } })).toBe('b');
  });

  it('does not ask again who has failed this call', () => {
    expect(picked(both, 0.9, { exclude: new Set(['bkd_b' as BackendId]) })).toBe('a');
  });

  it('asks only the backend that the client names, even one of weight 0', () => {
    expect(picked([route('a', 0), route('b', 1)], 0.9, { onlyBackend: 'a' })).toBe('a');
    expect(picked(both, 0.9, { onlyBackend: 'c' })).toBeUndefined();
  });

  it('keeps calls with one key together, spreads keys by weight, and moves only those whose backend goes', () => {
    const keys = Array.from({ length: 2_000 }, (_, i) => `user ${i}`);
    const at = (stickyKey: string, circumstances: Circumstances = {}) =>
      picked(both, 0, { stickyKey, ...circumstances });
    for (const key of keys.slice(0, 50)) expect(at(key)).toBe(at(key));
    const share = keys.filter((key) => at(key) === 'b').length / keys.length;
    expect(share).toBeGreaterThan(0.7);
    expect(share).toBeLessThan(0.8);
    for (const key of keys) if (at(key) === 'a') expect(at(key, { health: { b: 'down' } })).toBe('a');
  });
});

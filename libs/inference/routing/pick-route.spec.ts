import type { BackendId } from '#kernel';
import type { Backend, ModelRoute } from '../catalogue/types';
import { pickRoute } from './pick-route';

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

function picked(routes: readonly ModelRoute[], random: number): string | undefined {
  return pickRoute({ routes }, backends, random)?.backend.name;
}

describe('pickRoute', () => {
  it('chooses in proportion to the weights', () => {
    const routes = [route('a', 1), route('b', 3)];
    expect([0, 0.24, 0.25, 0.5, 0.999].map((random) => picked(routes, random))).toEqual(['a', 'a', 'b', 'b', 'b']);
  });

  it('passes over closed routes and backends that are gone', () => {
    expect(picked([route('a', 5, true), route('gone', 5), route('b', 1)], 0)).toBe('b');
  });

  it('has no answer when nothing is open', () => {
    expect(picked([route('a', 1, true)], 0.5)).toBeUndefined();
    expect(picked([], 0.5)).toBeUndefined();
  });

  it('survives a draw that rounds up to the very end', () => {
    expect(picked([route('a', 0.1), route('b', 0.2)], 1)).toBe('b');
  });
});

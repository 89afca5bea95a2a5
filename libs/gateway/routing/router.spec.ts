import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Backend, Model } from '#inference/catalogue';
import { type BackendId, type CallId, epochMs, type ModelId, type OrganizationId } from '#kernel';
import { probeBackend, startProbing } from './prober';
import { Router } from './router';

function backend(name: string): Backend {
  return {
    id: `bkd_${name}` as BackendId,
    name,
    kind: 'openai',
    baseUrl: 'http://127.0.0.1:1/v1',
    timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1 },
    outputCapField: 'max_tokens',
    streamUsage: true,
    dropFields: [],
    unbilledServerErrors: false,
  };
}

const a = backend('a');
const b = backend('b');
const model: Model = {
  id: 'model' as ModelId,
  kind: 'chat',
  visibility: 'all',
  routes: [a, b].map(({ id }) => ({ backendId: id, upstreamModel: 'm', weight: 1 })),
  contextTokens: 1_000,
  maxOutputTokens: 100,
  defaultOutputTokens: 100,
  hiddenReasoning: false,
  bounds: { textFactor: 1, requestOverheadTokens: 0, messageOverheadTokens: 0, toolOverheadTokens: 0 },
  prices: [],
};

const ORG = 'org_a' as OrganizationId;
const at = { backendId: a.id, orgId: ORG, model: model.id };

function routerAt(time: { ms: number }) {
  return new Router({
    backends: () => new Map([a, b].map((one) => [one.id, one])),
    clock: { now: () => epochMs(time.ms), monotonicMs: () => time.ms },
    random: () => 0,
    settings: { failuresMax: 2, openMs: 1_000 },
  });
}

describe('the router', () => {
  it('avoids a backend after a run of failures, sends it one call after a pause, and trusts it again', () => {
    const time = { ms: 0 };
    const router = routerAt(time);
    const choice = () => router.choose(model, ORG, {})?.backend.name;
    expect(choice()).toBe('a');
    router.unreachable(at, 'refused');
    router.unreachable(at, 'refused');
    expect(choice()).toBe('b');
    expect(router.statuses()).toMatchObject([
      { name: 'a', circuit: 'open', consecutiveFailures: 2, lastFailure: 'refused' },
      { name: 'b', circuit: 'closed' },
    ]);
    time.ms = 1_000;
    expect(choice()).toBe('a');
    router.sending(at);
    expect(choice()).toBe('b');
    router.connected(at);
    expect(choice()).toBe('a');
  });

  it('keeps one organization from a backend that fails its requests, and shows which', () => {
    const router = routerAt({ ms: 0 });
    router.failed(at, 'status-500');
    router.failed(at, 'status-500');
    expect(router.choose(model, ORG, {})?.backend.name).toBe('b');
    expect(router.choose(model, 'org_b' as OrganizationId, {})?.backend.name).toBe('a');
    expect(router.statuses()).toMatchObject([
      {
        name: 'a',
        circuit: 'closed',
        ownCircuits: [
          { orgId: ORG, model: 'model', circuit: 'open', consecutiveFailures: 2, lastFailure: 'status-500' },
        ],
      },
      { name: 'b', ownCircuits: [] },
    ]);
  });

  it('keeps the newest decisions for operators', () => {
    const router = routerAt({ ms: 0 });
    for (let i = 0; i < 600; i += 1)
      router.decided({ at: epochMs(i), callId: `req_${i}` as CallId, model: 'm', backend: 'a', decision: 'primary' });
    expect(router.recentDecisions(2).map(({ at }) => at)).toEqual([599, 598]);
    expect(router.recentDecisions(1_000)).toHaveLength(500);
  });

  it('is told by probes that a backend is back', async () => {
    const router = routerAt({ ms: 0 });
    router.unreachable(at, 'refused');
    router.unreachable(at, 'refused');
    const asked = await new Promise<string>((resolve) => {
      const probing = startProbing(
        router,
        async ({ name }) => {
          probing.stop();
          setImmediate(() => resolve(name));
          return undefined;
        },
        1,
      );
    });
    expect(asked).toBe('a');
    expect(router.choose(model, ORG, {})?.backend.name).toBe('a');
    // One call finds out whether it also brings its answers to an end.
    router.sending(at);
    expect(router.choose(model, ORG, {})?.backend.name).toBe('b');
    router.connected(at);
    expect(router.choose(model, ORG, {})?.backend.name).toBe('a');
    expect(router.ailing()).toEqual([]);
  });
});

describe('a probe', () => {
  it('takes any answer below 500 for a living backend', async () => {
    let status = 401;
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.writeHead(status).end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const target = { kind: 'openai', baseUrl: `http://127.0.0.1:${port}/v1` } as const;
    expect(await probeBackend(target)).toBeUndefined();
    expect(await probeBackend({ ...target, baseUrl: `http://127.0.0.1:${port}/x/?api-version=1` })).toBeUndefined();
    expect(asked).toEqual(['/v1/models', '/x/models?api-version=1']);
    status = 503;
    expect(await probeBackend(target)).toBe('probe: status 503');
    await new Promise((closed) => server.close(closed));
    expect(await probeBackend(target)).toMatch(/^probe: /);
  });

  it('needs none of the simulator', async () => {
    expect(await probeBackend({ kind: 'simulator', baseUrl: 'http://simulator.invalid' })).toBeUndefined();
  });
});

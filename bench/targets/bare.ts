import { join } from 'node:path';
import { forkReady } from '../support/child';
import { type Target, UPSTREAM_MODELS } from './target';

export async function startBareProxy(upstreamOrigin: string): Promise<{ target: Target; stop(): void }> {
  const { child, message } = await forkReady<{ port: number }>(join(__dirname, 'bare-proxy.js'), [upstreamOrigin]);
  const target: Target = {
    name: 'bare proxy',
    port: message.port,
    pid: child.pid,
    headers: { 'content-type': 'application/json' },
    model: (kind) => UPSTREAM_MODELS[kind],
  };
  return { target, stop: () => child.kill() };
}

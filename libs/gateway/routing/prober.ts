import { Agent, type Dispatcher, request } from 'undici';
import type { AddressGuard } from '#inference/backends';
import type { Backend } from '#inference/catalogue';
import type { Router } from './router';

const PROBE_MS = 10_000;
const PROBE_TIMEOUT_MS = 5_000;

/** A base URL may have a query, which belongs to every request (Azure's `api-version`). */
function modelsUrl(baseUrl: string): URL {
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/models`;
  return url;
}

/**
 * Whether a backend answers at all: any status below 500 to an unauthenticated request proves that calls reach it, and
 * costs nothing.
 * @returns why not; undefined when it does.
 */
export async function probeBackend(
  backend: Pick<Backend, 'kind' | 'baseUrl'>,
  dispatcher?: Dispatcher,
): Promise<string | undefined> {
  if (backend.kind === 'simulator') return undefined;
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const { statusCode, body } = await request(modelsUrl(backend.baseUrl), {
      signal,
      ...(dispatcher === undefined ? {} : { dispatcher }),
      headers: { 'user-agent': 'aiaas' },
    });
    await body.dump();
    return statusCode < 500 ? undefined : `probe: status ${statusCode}`;
  } catch (error) {
    return `probe: ${error instanceof Error ? error.name : 'failed'}`;
  }
}

/** A probe that goes nowhere where calls may not go either. */
export function proberWith(guard: AddressGuard): (backend: Backend) => Promise<string | undefined> {
  const agent = new Agent({ connect: { lookup: guard.lookup } });
  return (backend) =>
    guard.refusalOf(new URL(backend.baseUrl)) === undefined
      ? probeBackend(backend, agent)
      : Promise.resolve('probe: address not allowed');
}

/** Asks backends that calls avoid whether they are back, so that no call has to be the one that finds out. */
export function startProbing(
  router: Pick<Router, 'ailing' | 'probed'>,
  probe: (backend: Backend) => Promise<string | undefined> = (backend) => probeBackend(backend),
  everyMs: number = PROBE_MS,
): { stop(): void } {
  const timer = setInterval(() => {
    for (const backend of router.ailing())
      probe(backend)
        .then((failure) => router.probed(backend.id, failure))
        // A probe that fails to run says nothing about the backend.
        .catch(() => undefined);
  }, everyMs).unref();
  return { stop: () => clearInterval(timer) };
}

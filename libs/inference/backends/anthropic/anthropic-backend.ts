import type { AddressGuard } from '../address-guard';
import { OpenAiBackendClient, type OpenSecret } from '../openai';
import type { HttpWire } from '../openai/wire';
import type { BackendClient, UpstreamCall, UpstreamResponse } from '../port';

/** The version of the API whose formats this platform reads and writes, where the client names none. */
export const ANTHROPIC_VERSION = '2023-06-01';

/** Completions and embeddings do not exist there: their routes refuse such a backend before it is called. */
const ANTHROPIC_WIRE: HttpWire = {
  paths: { chat: 'messages', completion: 'complete', embedding: 'embeddings' },
  credentialHeaders: (secret) => ({ 'x-api-key': secret }),
  extraHeaders: ({ anthropic }) => ({
    'anthropic-version': anthropic?.version ?? ANTHROPIC_VERSION,
    ...(anthropic === undefined || anthropic.betas.length === 0 ? {} : { 'anthropic-beta': anthropic.betas.join(',') }),
  }),
};

/** Backends that speak Anthropic's HTTP dialect; the exchange itself is the one that every HTTP backend has. */
export class AnthropicBackendClient implements BackendClient {
  readonly #http: OpenAiBackendClient;

  constructor(openSecret: OpenSecret, guard?: AddressGuard) {
    this.#http = new OpenAiBackendClient(openSecret, ANTHROPIC_WIRE, guard);
  }

  open(call: UpstreamCall): Promise<UpstreamResponse> {
    return this.#http.open(call);
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

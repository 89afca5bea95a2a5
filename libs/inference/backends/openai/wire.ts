import type { UpstreamCall } from '../port';
import type { OperationPaths } from './upstreams';

/** What differs between kinds of backends that are spoken to over HTTP. */
export interface HttpWire {
  readonly paths: OperationPaths;
  readonly credentialHeaders: (secret: string) => Readonly<Record<string, string>>;
  readonly extraHeaders: (call: Pick<UpstreamCall, 'anthropic'>) => Readonly<Record<string, string>>;
}

export const OPENAI_WIRE: HttpWire = {
  paths: { chat: 'chat/completions', completion: 'completions', embedding: 'embeddings' },
  credentialHeaders: (secret) => ({ authorization: `Bearer ${secret}` }),
  extraHeaders: () => ({}),
};

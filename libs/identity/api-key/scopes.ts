/**
 * What a key may do. `inference`: call models, and read its own calls and usage. `usage:read`: read its project's
 * usage. `analytics:read`: query its project's analytics.
 */
export const API_KEY_SCOPES = ['inference', 'usage:read', 'analytics:read'] as const;
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

export const DEFAULT_API_KEY_SCOPES: readonly ApiKeyScope[] = ['inference'];

/** Parses scopes: at least one, each once, in the list's order. Anything else is `undefined`. */
export function parseApiKeyScopes(scopes: readonly string[]): readonly ApiKeyScope[] | undefined {
  const known = API_KEY_SCOPES.filter((scope) => scopes.includes(scope));
  const complete = scopes.every((scope) => known.some((one) => one === scope));
  return complete && known.length > 0 ? known : undefined;
}

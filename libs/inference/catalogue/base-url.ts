const BASE_URL_CHARACTERS_MAX = 500;
/** A step of a path that names a version of an API: `v1`, `v1beta`, `v4`. */
const VERSION = /^v\d+[a-z0-9]*$/;
/** What stands behind a base URL, and is often copied along with it. */
const OPERATIONS = ['/chat/completions', '/completions', '/embeddings', '/messages', '/responses', '/models'] as const;
/** Azure's older paths name a deployment in place of a version. */
const DEPLOYMENT = /^\/openai\/deployments\/[^/]+$/;

export type ParsedBaseUrl =
  | { readonly ok: true; readonly baseUrl: string }
  | { readonly ok: false; readonly message: string };

const NO_BASE_URL: ParsedBaseUrl = {
  ok: false,
  message:
    'baseUrl is an http or https URL without credentials, query and fragment, up to the version of the API: https://api.example.com/v1.',
};

/**
 * The one form of a backend's base URL: paths are appended to it, so it ends without a slash; credentials have a field of
 * their own, which is encrypted. A path that names no version of the API is completed with `/v1`, as both kinds have it.
 */
export function parseBaseUrl(text: string): ParsedBaseUrl {
  if (text.length > BASE_URL_CHARACTERS_MAX || !URL.canParse(text)) return NO_BASE_URL;
  const { protocol, username, password, origin, pathname } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return NO_BASE_URL;
  if (username !== '' || password !== '' || text.includes('?') || text.includes('#')) return NO_BASE_URL;
  const path = pathname.replace(/\/+$/, '');
  const operation = OPERATIONS.find((end) => path.endsWith(end));
  if (operation !== undefined) {
    const before = `${origin}${path.slice(0, -operation.length)}`;
    return { ok: false, message: `baseUrl is what stands before ${operation}: write ${before}.` };
  }
  const isVersioned = path.split('/').some((step) => VERSION.test(step)) || DEPLOYMENT.test(path);
  return { ok: true, baseUrl: isVersioned ? `${origin}${path}` : `${origin}${path}/v1` };
}

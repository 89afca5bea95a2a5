import type { Backend } from '../catalogue/types';

/**
 * Beta features of Anthropic's API that change neither what a token costs nor who is billed: forms of requests and
 * answers, and limits that the granted cap stays below. What else there is (longer contexts, faster modes, hosted tools,
 * compaction, other accounts …) is a backend's operator's to allow.
 */
const WITHOUT_A_PRICE: ReadonlySet<string> = new Set([
  // Tools that are not there from the beginning; those that would run on the backend's side are refused by type.
  'advanced-tool-use-2025-11-20',
  'cache-diagnosis-2026-04-07',
  'claude-code-20250219',
  'context-management-2025-06-27',
  'dev-full-thinking-2025-05-14',
  'effort-2025-11-24',
  'fine-grained-tool-streaming-2025-05-14',
  'interleaved-thinking-2025-05-14',
  'max-tokens-3-5-sonnet-2024-07-15',
  'mid-conversation-output-config-2026-07-01',
  'mid-conversation-system-2026-04-07',
  'mid-conversation-system-clear-at-2026-08-21',
  'mid-conversation-tool-changes-2026-07-01',
  'model-context-window-exceeded-2025-08-26',
  'output-128k-2025-02-19',
  'output-300k-2026-03-24',
  'pdfs-2024-09-25',
  'per-turn-control-2026-07-01',
  'prompt-caching-2024-07-31',
  'prompt-caching-scope-2026-01-05',
  'redact-thinking-2026-02-12',
  'structured-outputs-2025-11-13',
  'structured-outputs-2025-12-15',
  'task-budgets-2026-03-13',
  'thinking-binding-controls-2026-08-01',
  'thinking-display-updates-2026-08-18',
  'thinking-token-count-2026-05-13',
  'token-counting-2024-11-01',
  'token-efficient-tools-2025-02-19',
]);

/** More than any client sends; what comes after them is not looked at. */
const BETAS_MAX = 50;
const BETA = /^[a-z0-9][a-z0-9.-]{0,99}$/;
const VERSION = /^\d{4}-\d{2}-\d{2}$/;

/** What a client says of Anthropic's API in its headers; nothing of it means anything to other backends. */
export interface AnthropicHeaders {
  /** `anthropic-version`. */
  readonly version?: string;
  /** `anthropic-beta`, each value once. */
  readonly betas: readonly string[];
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value.join(',');
}

/** Undefined where a client says nothing of it; values that no such header can have are as if they were not there. */
export function readAnthropicHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): AnthropicHeaders | undefined {
  const version = joined(headers['anthropic-version']);
  const named = joined(headers['anthropic-beta'])?.split(',', BETAS_MAX) ?? [];
  const betas = [...new Set(named.map((beta) => beta.trim()))].filter((beta) => BETA.test(beta));
  const known = version !== undefined && VERSION.test(version) ? { version } : {};
  return version === undefined && betas.length === 0 ? undefined : { ...known, betas };
}

/** Which of a client's beta features go to a backend, and which stay out. */
export function sortBetas(
  betas: readonly string[],
  { allowBetas = [] }: Pick<Backend, 'allowBetas'>,
): { readonly passed: readonly string[]; readonly leftOut: readonly string[] } {
  const mayPass = (beta: string) => WITHOUT_A_PRICE.has(beta) || allowBetas.includes(beta);
  return { passed: betas.filter(mayPass), leftOut: betas.filter((beta) => !mayPass(beta)) };
}

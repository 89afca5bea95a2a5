/** Pages of a list as Anthropic's clients ask for them. */
export interface Page {
  readonly limit: number;
  readonly after?: string;
  readonly before?: string;
}

export type ReadPage =
  | { readonly ok: true; readonly page: Page }
  | { readonly ok: false; readonly fault: { readonly param: string; readonly message: string } };

/** Anthropic's own. */
const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 1_000;

export function readPage(query: unknown): ReadPage {
  const { limit, after_id: after, before_id: before } = (query ?? {}) as Readonly<Record<string, unknown>>;
  const count = limit === undefined ? LIMIT_DEFAULT : Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > LIMIT_MAX)
    return { ok: false, fault: { param: 'limit', message: `'limit' is a whole number from 1 to ${LIMIT_MAX}.` } };
  if (after !== undefined && before !== undefined)
    return { ok: false, fault: { param: 'after_id', message: "Send either 'after_id' or 'before_id', not both." } };
  return {
    ok: true,
    page: {
      limit: count,
      ...(typeof after === 'string' ? { after } : {}),
      ...(typeof before === 'string' ? { before } : {}),
    },
  };
}

/** One page of a list, in its order; a mark that is not in the list leaves it whole. */
export function pageOf<T extends { readonly id: string }>(all: readonly T[], { limit, after, before }: Page) {
  const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const mark = before === undefined ? -1 : all.findIndex(({ id }) => id === before);
  const rest = mark === -1 ? all.slice(start) : all.slice(0, mark);
  const data = mark === -1 ? rest.slice(0, limit) : rest.slice(-limit);
  return {
    data,
    has_more: rest.length > data.length,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

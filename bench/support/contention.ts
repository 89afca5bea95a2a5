import { CONTENTIONS, type Contention } from '#ledger';

/** What gateways cost each other: batches and commands, by what happened to them. */
export type Contentions = Readonly<Record<Contention, { readonly batches: number; readonly commands: number }>>;

function counterOf(text: string, name: string, what: Contention): number {
  return Number(new RegExp(`^${name}\\{what="${what}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

function summed(one: (what: Contention) => { readonly batches: number; readonly commands: number }): Contentions {
  const entries = CONTENTIONS.map((what) => [what, one(what)] as const);
  return Object.fromEntries(entries) as Contentions;
}

/** Since their starts, of all these gateways together. */
export async function contentionsOf(urls: readonly string[]): Promise<Contentions> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
  const sum = (name: string, what: Contention): number =>
    texts.reduce((total, text) => total + counterOf(text, name, what), 0);
  return summed((what) => ({
    batches: sum('aiaas_ledger_contended_batches_total', what),
    commands: sum('aiaas_ledger_contended_commands_total', what),
  }));
}

export function contentionsSince(before: Contentions, after: Contentions): Contentions {
  return summed((what) => ({
    batches: after[what].batches - before[what].batches,
    commands: after[what].commands - before[what].commands,
  }));
}

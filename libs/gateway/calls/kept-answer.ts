import { z } from 'zod';
import type { PersonalBlock } from '#kernel';
import { usageSchema } from '#ledger';

/** An answer as a repeat gets it, and what it settles should its settlement have been lost. */
const keptAnswerSchema = z.object({
  status: z.number().int(),
  headers: z.record(z.string(), z.string()),
  text: z.string(),
  usage: usageSchema,
  certainty: z.enum(['reported', 'counted']),
});
export type KeptAnswer = z.output<typeof keptAnswerSchema>;

const sealedSchema = z.object({ subject: z.string(), keyVersion: z.number(), ciphertext: z.string() });

/** Answers are stored encrypted only. */
export async function sealKept(kept: KeptAnswer, seal: (text: string) => Promise<PersonalBlock>): Promise<Uint8Array> {
  return Buffer.from(JSON.stringify(await seal(JSON.stringify(kept))));
}

export async function openKept(
  stored: Uint8Array,
  open: (block: PersonalBlock) => Promise<Uint8Array>,
): Promise<KeptAnswer> {
  const block = sealedSchema.parse(JSON.parse(Buffer.from(stored).toString('utf8')));
  return keptAnswerSchema.parse(JSON.parse(Buffer.from(await open(block)).toString('utf8')));
}

/** The answer with another cost: `usage.cost` (or `cost_usd`) stands last in every dialect's usage. */
export function withCost(text: string, cost: string): string {
  const matches = [...text.matchAll(/"(cost|cost_usd)":"\d+(?:\.\d+)?"/g)];
  const last = matches.at(-1);
  if (last === undefined) return text;
  return `${text.slice(0, last.index)}"${last[1]}":"${cost}"${text.slice(last.index + last[0].length)}`;
}

import { z } from 'zod';
import { isJsonObject, JsonDocument, type JsonObject, writeEdited } from '#inference';
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

const COSTS = ['cost', 'cost_usd'] as const;
const DATA = 'data: ';

/** An object that tells a usage, with another cost in it; undefined when it tells none. */
function costing(object: JsonObject, cost: string): JsonObject | undefined {
  const { usage, response } = object;
  if (isJsonObject(response)) {
    const inner = costing(response, cost);
    return inner === undefined ? undefined : { ...object, response: inner };
  }
  const field = isJsonObject(usage) ? COSTS.find((name) => typeof usage[name] === 'string') : undefined;
  return isJsonObject(usage) && field !== undefined ? { ...object, usage: { ...usage, [field]: cost } } : undefined;
}

function costingText(text: string, cost: string): string | undefined {
  if (!COSTS.some((name) => text.includes(`"${name}"`))) return undefined;
  const document = JsonDocument.parse(text);
  const object = isJsonObject(document.value) ? costing(document.value, cost) : undefined;
  return object === undefined ? undefined : writeEdited(object, document);
}

/** The answer with another cost: in its usage, or in that of the last frame of a stream that has one. */
export function withCost(text: string, cost: string): string {
  if (text.startsWith('{')) return costingText(text, cost) ?? text;
  const lines = text.split('\n');
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const line = lines[at];
    const data = line?.startsWith(`${DATA}{`) === true ? costingText(line.slice(DATA.length), cost) : undefined;
    if (data === undefined) continue;
    lines[at] = DATA + data;
    return lines.join('\n');
  }
  return text;
}

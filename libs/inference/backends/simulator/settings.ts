import { z } from 'zod';

const count = z.coerce.number().int().nonnegative().max(1_000_000_000);

/**
 * How the simulator behaves. Set for all calls in its constructor, or for one route in its upstream model, written as a
 * query: `echo?latencyMs=50&chunkTokens=4&usage=absent`.
 */
export const simulatorSettingsSchema = z.strictObject({
  /** Before the answer begins. */
  latencyMs: count.default(0),
  /** How fast the output comes after that; absent: at once. */
  tokensPerSecond: count.positive().optional(),
  /** Tokens per chunk of a stream. */
  chunkTokens: count.positive().default(1),
  /** What it reports: the truth, nothing, something impossible, or more output than the cap allows. */
  usage: z.enum(['reported', 'absent', 'absurd', 'beyond-cap']).default('reported'),
  /** Answers with this status and OpenAI's error body. */
  errorStatus: count.min(300).max(599).optional(),
  /** Refuses the connection. */
  unreachable: z.stringbool().default(false),
  /** Loses the connection after so many chunks of the body. */
  cutAtChunk: count.optional(),
  /** Falls silent after so many chunks of the body, without ending it. */
  hangAtChunk: count.optional(),
  /** Falls silent before the answer begins. */
  hang: z.stringbool().default(false),
  /** Sends an error frame after so many chunks of a stream. */
  errorAtChunk: count.optional(),
  /** Sends something that is no answer. */
  garbage: z.stringbool().default(false),
});

export type SimulatorSettings = z.output<typeof simulatorSettingsSchema>;
/** As in a query: every value is text. */
export type SimulatorSettingsInput = Readonly<Record<string, string>>;

export interface SimulatedModel {
  readonly name: string;
  readonly settings: SimulatorSettings;
}

/** Splits an upstream model into its name and settings; a text that explains what is wrong with them otherwise. */
export function parseSimulatedModel(
  upstreamModel: string,
  defaults: SimulatorSettingsInput = {},
): SimulatedModel | string {
  const [name = '', query = ''] = upstreamModel.split('?', 2);
  const parsed = simulatorSettingsSchema.safeParse({
    ...defaults,
    ...Object.fromEntries(new URLSearchParams(query)),
  });
  if (parsed.success) return { name, settings: parsed.data };
  const [issue] = parsed.error.issues;
  return `the simulator does not understand '${query}': ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim();
}

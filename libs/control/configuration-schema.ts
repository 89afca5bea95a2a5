import { z } from 'zod';
import { BACKEND_KINDS, MODEL_KINDS, OUTPUT_CAP_CHOICES, VISIBILITIES } from '#inference/catalogue';
import { parseInstant, parseUsd } from '#kernel';

const ENVIRONMENT_REFERENCE = /^env:([A-Za-z_][A-Za-z0-9_]*)$/;

/** A secret is named, never written down: the file may be shared and kept in version control. */
const secret = z.string().transform((text, context) => {
  const name = ENVIRONMENT_REFERENCE.exec(text)?.[1];
  if (name !== undefined) return { variable: name };
  context.addIssue('write a secret as env:NAME and set the environment variable NAME');
  return z.NEVER;
});

const count = z.int().nonnegative();

const usdPerMillion = z.union([z.string(), z.number()]).transform((value, context) => {
  const amount = parseUsd(String(value));
  if (amount !== undefined && amount >= 0n) return amount;
  context.addIssue('a price is USD per million tokens, such as "0.15", with at most nine decimals');
  return z.NEVER;
});

const instant = z.union([z.string(), z.date()]).transform((value, context) => {
  const at = parseInstant(typeof value === 'string' ? value : value.toISOString());
  if (at !== undefined) return at;
  context.addIssue('a time is written as 2026-01-31T00:00:00Z');
  return z.NEVER;
});

const backend = z.strictObject({
  name: z.string(),
  kind: z.enum(BACKEND_KINDS),
  baseUrl: z.string().exactOptional(),
  apiKey: secret.exactOptional(),
  timeouts: z
    .strictObject({
      connectMs: count.exactOptional(),
      firstByteMs: count.exactOptional(),
      idleMs: count.exactOptional(),
    })
    .exactOptional(),
  outputCapField: z.enum(OUTPUT_CAP_CHOICES).exactOptional(),
  // In YAML 1.2 `yes` is a string, in older tools a boolean: both are meant alike.
  streamUsage: z.union([z.boolean(), z.enum(['yes', 'no']).transform((text) => text === 'yes')]).exactOptional(),
  dropFields: z.array(z.string()).exactOptional(),
  allowFields: z.array(z.string()).exactOptional(),
  allowBetas: z.array(z.string()).exactOptional(),
  unbilledServerErrors: z.boolean().exactOptional(),
  unbilledOverload: z.boolean().exactOptional(),
});

const bounds = z.strictObject({
  textFactor: count.exactOptional(),
  requestOverheadTokens: count.exactOptional(),
  messageOverheadTokens: count.exactOptional(),
  toolOverheadTokens: count.exactOptional(),
  imageTokensMax: count.exactOptional(),
  audioTokensMax: count.exactOptional(),
  fileTokensMax: count.exactOptional(),
});

const prices = z.strictObject({
  effectiveFrom: instant.exactOptional(),
  input: usdPerMillion,
  cachedInput: usdPerMillion.exactOptional(),
  cacheWrite: usdPerMillion.exactOptional(),
  output: usdPerMillion,
});

const model = z.strictObject({
  id: z.string(),
  kind: z.enum(MODEL_KINDS),
  visibility: z.enum(VISIBILITIES).exactOptional(),
  routes: z.array(z.strictObject({ backend: z.string(), upstreamModel: z.string(), weight: count.exactOptional() })),
  contextTokens: count,
  maxOutputTokens: count.exactOptional(),
  defaultOutputTokens: count.exactOptional(),
  hiddenReasoning: z.boolean().exactOptional(),
  bounds: bounds.exactOptional(),
  prices: prices.exactOptional(),
});

export const configurationSchema = z.strictObject({
  backends: z.array(backend).default([]),
  models: z.array(model).default([]),
});

export type Configuration = z.output<typeof configurationSchema>;
export type ConfiguredBackend = Configuration['backends'][number];
export type ConfiguredModel = Configuration['models'][number];

import { type EpochMs, epochMs, NO_USAGE, nanoUsd, type TokenUsage, ZERO_USD } from '#kernel';
import type { JsonValue, Table } from '#read-store';
import type { UsageSlot, UsageSums } from './tables';
import type { UsageOutcome } from './types';

/** What one call (or one count of refusals) adds to usage. */
export interface Contribution {
  readonly slot: UsageSlot;
  /** When the call was authorized: it stays in that hour, however late it ends. */
  readonly at: EpochMs;
  readonly sums: UsageSums;
  readonly latencyMs?: number;
  readonly firstByteMs?: number;
}

export const NO_SUMS: UsageSums = {
  calls: 0,
  refused: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  unsplitTokens: 0,
  cost: ZERO_USD,
  excess: ZERO_USD,
};

export function tokenSums(usage: TokenUsage = NO_USAGE) {
  return {
    inputTokens: usage.input,
    cachedInputTokens: usage.cachedInput,
    cacheWriteTokens: usage.cacheWrite,
    outputTokens: usage.output,
  };
}

const CODE = /^[a-z0-9][a-z0-9_.:-]{0,63}$/i;

/** Codes become a dimension, so what is no code must not make a row of its own each time. */
export function boundedCode(text: string): string {
  return CODE.test(text) ? text : 'other';
}

/** An unresolved call: what it added so far, to be taken out when its cost is known. */
export interface PendingCall {
  readonly contribution: Contribution;
  /** What was seen before it was lost. */
  readonly counted?: TokenUsage;
}

interface StoredPending {
  readonly slot: Omit<UsageSlot, 'outcome'> & { readonly outcome: UsageOutcome };
  readonly at: number;
  readonly latencyMs?: number;
  readonly firstByteMs?: number;
  readonly counted?: TokenUsage;
}

/** Unresolved calls by call id. They have cost nothing yet and count as one call each. */
export const pendingTable: Table<PendingCall> = {
  schema: { name: 'pending', columns: {}, indexes: [] },
  encode: ({ contribution: { slot, at, latencyMs, firstByteMs }, counted }) => ({
    columns: {},
    rest: {
      slot: { ...slot },
      at,
      latencyMs,
      firstByteMs,
      counted: counted === undefined ? undefined : { ...counted },
    } satisfies JsonValue,
  }),
  decode: ({ rest }) => {
    const { slot, at, latencyMs, firstByteMs, counted } = rest as unknown as StoredPending;
    return {
      contribution: {
        slot,
        at: epochMs(at),
        sums: { ...NO_SUMS, calls: 1 },
        ...(latencyMs === undefined ? {} : { latencyMs }),
        ...(firstByteMs === undefined ? {} : { firstByteMs }),
      },
      ...(counted === undefined ? {} : { counted }),
    };
  },
};

export function negated(sums: UsageSums): UsageSums {
  return {
    calls: -sums.calls,
    refused: -sums.refused,
    inputTokens: -sums.inputTokens,
    cachedInputTokens: -sums.cachedInputTokens,
    cacheWriteTokens: -sums.cacheWriteTokens,
    outputTokens: -sums.outputTokens,
    unsplitTokens: -sums.unsplitTokens,
    cost: nanoUsd(-sums.cost),
    excess: nanoUsd(-sums.excess),
  };
}

import { createHash } from 'node:crypto';
import { type NanoUsd, nanoUsd } from '#kernel';
import {
  type ColumnType,
  type ColumnValue,
  type Document,
  EMPTY_HISTOGRAM,
  type EncodedHistogram,
  Histogram,
  type Table,
} from '#read-store';
import type { ServedFrom, UsageDimension, UsageOutcome } from './types';

/** What a call is counted under. */
export interface UsageSlot {
  readonly orgId: string;
  readonly projectId: string;
  readonly teamId: string | null;
  readonly keyId: string;
  readonly model: string;
  /** Where its last attempt went; `null` when there was none. */
  readonly backendId: string | null;
  /** `null` for refusals that were only counted. */
  readonly endpoint: string | null;
  readonly outcome: UsageOutcome;
  /** Why it did not end well. */
  readonly code: string | null;
  /** `null`: nobody was asked. What the cache answers has no backend, so this makes no more rows than there were. */
  readonly servedFrom: ServedFrom | null;
}

/** What is added up. */
export interface UsageSums {
  readonly calls: number;
  readonly refused: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly unsplitTokens: number;
  readonly cost: NanoUsd;
  readonly excess: NanoUsd;
}

/** One slot in one stretch of time. */
export interface UsageRow extends UsageSlot, UsageSums {
  /** Start of the stretch, epoch milliseconds. */
  readonly bucket: number;
  readonly latency: EncodedHistogram;
  readonly firstByte: EncodedHistogram;
  /** When the newest admitted call was authorized; 0 where all were refused. */
  readonly lastAt: number;
}

const QUARTER_MS = 900_000;
const HOUR_MS = 4 * QUARTER_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * Usage is kept three times, in stretches of UTC. A range is answered from whole days as far as they go, then hours, and
 * quarters of an hour at its edges: so a year costs some hundred rows per slot, and local hours, days and months are
 * exact in every time zone, for all of today's lie whole quarters of an hour from UTC.
 */
export const GRAINS = ['quarters', 'hours', 'days'] as const;
export type Grain = (typeof GRAINS)[number];
export const GRAIN_MS: Readonly<Record<Grain, number>> = { quarters: QUARTER_MS, hours: HOUR_MS, days: DAY_MS };

export const SLOT_COLUMNS = [
  'orgId',
  'projectId',
  'teamId',
  'keyId',
  'model',
  'backendId',
  'endpoint',
  'outcome',
  'code',
  'servedFrom',
] as const;

export const SUM_COLUMNS = [
  'calls',
  'refused',
  'inputTokens',
  'cachedInputTokens',
  'cacheWriteTokens',
  'outputTokens',
  'unsplitTokens',
  'cost',
  'excess',
] as const satisfies readonly (keyof UsageSums)[];

const SUM_TYPES: Readonly<Record<keyof UsageSums, ColumnType>> = {
  calls: 'integer',
  refused: 'integer',
  inputTokens: 'integer',
  cachedInputTokens: 'integer',
  cacheWriteTokens: 'integer',
  outputTokens: 'integer',
  unsplitTokens: 'integer',
  cost: 'bigint',
  excess: 'bigint',
};

/** Short, since it is the key of the largest tables: 128 bits of a hash of everything that a row is about. */
export function rowId(slot: UsageSlot, bucket: number): string {
  const key = JSON.stringify([bucket, ...SLOT_COLUMNS.map((column) => slot[column])]);
  return createHash('sha256').update(key).digest('base64url').slice(0, 22);
}

function text(value: ColumnValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function decodeSums(columns: Document['columns']): UsageSums {
  const count = (column: string) => Number(columns[column] ?? 0);
  return {
    calls: count('calls'),
    refused: count('refused'),
    inputTokens: count('inputTokens'),
    cachedInputTokens: count('cachedInputTokens'),
    cacheWriteTokens: count('cacheWriteTokens'),
    outputTokens: count('outputTokens'),
    unsplitTokens: count('unsplitTokens'),
    cost: nanoUsd(BigInt(columns.cost ?? 0)),
    excess: nanoUsd(BigInt(columns.excess ?? 0)),
  };
}

function decodeRow({ columns }: Document): UsageRow {
  const count = (column: string) => Number(columns[column] ?? 0);
  return {
    orgId: String(columns.orgId),
    projectId: String(columns.projectId),
    teamId: text(columns.teamId),
    keyId: String(columns.keyId),
    model: String(columns.model),
    backendId: text(columns.backendId),
    endpoint: text(columns.endpoint),
    outcome: String(columns.outcome) as UsageOutcome,
    code: text(columns.code),
    servedFrom: text(columns.servedFrom) as ServedFrom | null,
    bucket: count('bucket'),
    ...decodeSums(columns),
    latency: text(columns.latency) ?? EMPTY_HISTOGRAM,
    firstByte: text(columns.firstByte) ?? EMPTY_HISTOGRAM,
    lastAt: count('lastAt'),
  };
}

function grainTable(name: Grain): Table<UsageRow> {
  return {
    schema: {
      name,
      columns: {
        orgId: 'text',
        bucket: 'integer',
        projectId: 'text',
        teamId: 'text',
        keyId: 'text',
        model: 'text',
        backendId: 'text',
        endpoint: 'text',
        outcome: 'text',
        code: 'text',
        servedFrom: 'text',
        ...SUM_TYPES,
        lastAt: 'integer',
        latency: 'histogram',
        firstByte: 'histogram',
      },
      indexes: [],
      clusterBy: ['orgId', 'bucket'],
    },
    encode: (row) => ({
      columns: {
        ...row,
        // In memory a histogram grows by appending; on disk it is in its one shortest form.
        latency: Histogram.decode(row.latency).encode(),
        firstByte: Histogram.decode(row.firstByte).encode(),
      },
      rest: null,
    }),
    decode: decodeRow,
  };
}

export const grainTables: Readonly<Record<Grain, Table<UsageRow>>> = {
  quarters: grainTable('quarters'),
  hours: grainTable('hours'),
  days: grainTable('days'),
};

/** What an organization used in one stretch of time: all of it, or what one project, key or model did. */
export interface UsageTotal extends UsageSums {
  readonly orgId: string;
  readonly scope: string;
  /** Start of the stretch, epoch milliseconds. */
  readonly bucket: number;
}

/** Questions about one value of these are asked the most, and are answered from totals as well. */
export const TOTALLED_DIMENSIONS = ['project', 'api-key', 'model'] as const satisfies readonly UsageDimension[];
export type TotalledDimension = (typeof TOTALLED_DIMENSIONS)[number];

/** The scope of a total over everything. */
export const WHOLE_SCOPE = '';

export function scopeOf(dimension: TotalledDimension, value: string): string {
  return `${dimension} ${value}`;
}

/** The totals that a call is counted in. */
export function scopesOf({ projectId, keyId, model }: UsageSlot): readonly string[] {
  return [WHOLE_SCOPE, scopeOf('project', projectId), scopeOf('api-key', keyId), scopeOf('model', model)];
}

/**
 * Quarters and hours once more, each in one small row per scope: a year by hour, or by the day of a time zone, is read
 * from these where a question does not group and filters by no more than one dimension, so that it reads one row for
 * each hour, however many combinations of dimensions there are. Days need none, for there are few of them.
 */
export const TOTALLED_GRAINS = ['quarters', 'hours'] as const satisfies readonly Grain[];
export type TotalledGrain = (typeof TOTALLED_GRAINS)[number];

function totalsTable(name: string): Table<UsageTotal> {
  return {
    schema: {
      name,
      columns: { orgId: 'text', scope: 'text', bucket: 'integer', ...SUM_TYPES },
      indexes: [],
      clusterBy: ['orgId', 'scope', 'bucket'],
    },
    encode: (total) => ({ columns: { ...total }, rest: null }),
    decode: ({ columns }) => ({
      orgId: String(columns.orgId),
      scope: String(columns.scope),
      bucket: Number(columns.bucket ?? 0),
      ...decodeSums(columns),
    }),
  };
}

export const totalsTables: Readonly<Record<TotalledGrain, Table<UsageTotal>>> = {
  quarters: totalsTable('quarterTotals'),
  hours: totalsTable('hourTotals'),
};

export function totalId(orgId: string, scope: string, bucket: number): string {
  return `${orgId} ${bucket} ${scope}`;
}

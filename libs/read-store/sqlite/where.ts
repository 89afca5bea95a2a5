import type { Condition, Where } from '../query';
import type { ColumnValue } from '../schema';
import type { SqlValue } from './connection';
import { quoted } from './tables';

/** A piece of SQL and its parameters, in order. */
export interface Sql {
  readonly text: string;
  readonly parameters: readonly SqlValue[];
}

/** JSON of plain values; 64-bit integers stay exact, for SQLite reads them as such. */
export function jsonArray(values: readonly ColumnValue[]): string {
  return `[${values.map((value) => (typeof value === 'bigint' ? String(value) : JSON.stringify(value))).join(',')}]`;
}

function conditionSql(column: string, condition: Condition): Sql {
  const name = `t.${quoted(column)}`;
  if ('eq' in condition) return { text: `${name} = ?`, parameters: [condition.eq] };
  if ('in' in condition) {
    const [only, ...others] = condition.in;
    // One value reads an index in its order; several are looked up in turn.
    if (only !== undefined && others.length === 0) return { text: `${name} = ?`, parameters: [only] };
    return { text: `${name} IN (SELECT value FROM json_each(?))`, parameters: [jsonArray(condition.in)] };
  }
  if ('present' in condition) return { text: `${name} IS ${condition.present ? 'NOT ' : ''}NULL`, parameters: [] };
  const { from, before } = condition;
  const parts = [
    ...(from === undefined ? [] : [{ text: `${name} >= ?`, value: from }]),
    ...(before === undefined ? [] : [{ text: `${name} < ?`, value: before }]),
  ];
  if (parts.length === 0) return { text: `${name} IS NOT NULL`, parameters: [] };
  return { text: parts.map(({ text }) => text).join(' AND '), parameters: parts.map(({ value }) => value) };
}

export function whereSql(where: Where, ...further: readonly Sql[]): Sql {
  const parts = [...Object.entries(where).map(([column, condition]) => conditionSql(column, condition)), ...further];
  return {
    text: parts.length === 0 ? '' : `WHERE ${parts.map(({ text }) => text).join(' AND ')}`,
    parameters: parts.flatMap(({ parameters }) => parameters),
  };
}

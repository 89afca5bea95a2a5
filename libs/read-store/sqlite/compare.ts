import type { ComparedStretch, Comparison } from '../port';
import type { Connection } from './connection';
import { quoted, type SqlTable } from './tables';

/** Compares the documents whose ids lie in one stretch of two tables with the same columns. */
export function compareTables(
  connection: Connection,
  left: SqlTable,
  right: SqlTable,
  { after = '', documentsMax }: ComparedStretch,
): Comparison {
  const ids = `SELECT id FROM ${left.name} WHERE id > ?1 UNION SELECT id FROM ${right.name} WHERE id > ?1`;
  const [found] = connection.all(
    `WITH stretch AS (SELECT id FROM (${ids}) ORDER BY id LIMIT ?2 + 1)
     SELECT count(*), (SELECT id FROM stretch ORDER BY id LIMIT 1 OFFSET ?2 - 1) FROM stretch`,
    [after, documentsMax],
  );
  const count = Number(found?.[0] ?? 0);
  const last = found?.[1];
  const hasMore = count > documentsMax && typeof last === 'string';
  const differs = ['position', ...left.columns.map(quoted), 'rest']
    .map((column) => `l.${column} IS NOT r.${column}`)
    .join(' OR ');
  const bounds = (name: string) => `${name}.id > ?1 ${hasMore ? `AND ${name}.id <= ?2` : ''}`;
  const [different] = connection.all(
    `SELECT
      (SELECT count(*) FROM ${left.name} l LEFT JOIN ${right.name} r ON r.id = l.id WHERE ${bounds('l')} AND (${differs})) +
      (SELECT count(*) FROM ${right.name} r WHERE ${bounds('r')} AND NOT EXISTS (SELECT 1 FROM ${left.name} l WHERE l.id = r.id))`,
    hasMore ? [after, last] : [after],
  );
  return {
    documents: Math.min(count, documentsMax),
    different: Number(different?.[0] ?? 0),
    ...(hasMore ? { next: last } : {}),
  };
}

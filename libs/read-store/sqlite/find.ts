import type { FindQuery, FoundPage } from '../query';
import { assertValidFind } from '../rules';
import type { Connection } from './connection';
import { documentOf, quoted, type SqlTable, selectList } from './tables';
import { type Sql, whereSql } from './where';

export function findIn(connection: Connection, table: SqlTable, query: FindQuery): FoundPage {
  assertValidFind(table.schema, query);
  const { column, direction } = query.orderBy;
  const name = `t.${quoted(column)}`;
  const [comparison, order] = direction === 'ascending' ? ['>', 'ASC'] : ['<', 'DESC'];
  const behind: Sql =
    query.after === undefined
      ? { text: `${name} IS NOT NULL`, parameters: [] }
      : { text: `(${name}, t.id) ${comparison} (?, ?)`, parameters: [query.after.value, query.after.id] };
  const where = whereSql(query.where, behind);
  const rows = connection.all(
    `SELECT ${selectList(table)} FROM ${table.name} t ${where.text} ORDER BY ${name} ${order}, t.id ${order} LIMIT ?`,
    [...where.parameters, query.limit + 1],
  );
  const documents = rows.slice(0, query.limit).map((row) => documentOf(table, row));
  const last = documents.at(-1);
  const value = last === undefined ? undefined : column === 'id' ? last.id : last.columns[column];
  if (rows.length <= query.limit || last === undefined || value === undefined || value === null) return { documents };
  return { documents, next: { value, id: last.id } };
}

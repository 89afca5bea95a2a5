import { type EventId, epochMs } from '#kernel';
import { type Checkpoint, type Generation, type GenerationRef, StaleCheckpointError } from '../port';
import type { ViewSchema } from '../schema';
import type { Connection, SqlRow } from './connection';
import { createStatements, dropStatements } from './tables';

/** A generation and the schema that it was made with. */
export interface CataloguedGeneration {
  readonly generation: Generation;
  readonly schema: ViewSchema;
}

const CREATE = [
  `CREATE TABLE IF NOT EXISTS generations (
    view TEXT NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL, schema TEXT NOT NULL,
    position INTEGER, eventId TEXT, at INTEGER, PRIMARY KEY (view, number)) STRICT`,
  'CREATE TABLE IF NOT EXISTS numbers (view TEXT PRIMARY KEY NOT NULL, newest INTEGER NOT NULL) STRICT',
];
const SELECT = 'SELECT view, number, version, status, schema, position, eventId, at FROM generations';

export function createCatalogue(connection: Connection): void {
  for (const statement of CREATE) connection.exec(statement);
}

function readRow([view, number, version, status, schema, position, eventId, at]: SqlRow): CataloguedGeneration {
  const checkpoint: Checkpoint | undefined =
    typeof position === 'bigint'
      ? { position, eventId: String(eventId) as EventId, at: epochMs(Number(at)) }
      : undefined;
  return {
    generation: {
      view: String(view),
      number: Number(number),
      version: Number(version),
      status: status === 'live' ? 'live' : 'building',
      ...(checkpoint === undefined ? {} : { checkpoint }),
    },
    schema: JSON.parse(String(schema)) as ViewSchema,
  };
}

export function allGenerations(connection: Connection): readonly CataloguedGeneration[] {
  return connection.all(`${SELECT} ORDER BY view, number`, []).map(readRow);
}

/** @throws StaleCheckpointError when it is gone. */
export function generationOf(connection: Connection, { view, number }: GenerationRef): CataloguedGeneration {
  const [row] = connection.all(`${SELECT} WHERE view = ? AND number = ?`, [view, number]);
  if (row === undefined) throw new StaleCheckpointError(`generation ${number} of ${view} is gone`);
  return readRow(row);
}

export function addGeneration(connection: Connection, view: ViewSchema): Generation {
  connection.run(
    'INSERT INTO numbers (view, newest) VALUES (?, 1) ON CONFLICT (view) DO UPDATE SET newest = newest + 1',
    [view.name],
  );
  const [row] = connection.all('SELECT newest FROM numbers WHERE view = ?', [view.name]);
  const generation: Generation = {
    view: view.name,
    number: Number(row?.[0]),
    version: view.version,
    status: 'building',
  };
  for (const statement of createStatements(generation, view)) connection.exec(statement);
  connection.run('INSERT INTO generations (view, number, version, status, schema) VALUES (?, ?, ?, ?, ?)', [
    generation.view,
    generation.number,
    generation.version,
    generation.status,
    JSON.stringify(view),
  ]);
  return generation;
}

export function removeGeneration(connection: Connection, { generation, schema }: CataloguedGeneration): void {
  for (const statement of dropStatements(generation, schema)) connection.exec(statement);
  connection.run('DELETE FROM generations WHERE view = ? AND number = ?', [generation.view, generation.number]);
}

export function makeLive(connection: Connection, generation: GenerationRef): void {
  for (const known of allGenerations(connection)) {
    const { view, number, status } = known.generation;
    if (view === generation.view && number !== generation.number && status === 'live')
      removeGeneration(connection, known);
  }
  connection.run("UPDATE generations SET status = 'live' WHERE view = ? AND number = ?", [
    generation.view,
    generation.number,
  ]);
}

/** @throws StaleCheckpointError when the checkpoint is not the one that is expected. */
export function moveCheckpoint(
  connection: Connection,
  { generation }: CataloguedGeneration,
  expected: Checkpoint | undefined,
  next: Checkpoint,
): void {
  const { view, number, checkpoint } = generation;
  const isExpected =
    checkpoint?.position === expected?.position &&
    checkpoint?.eventId === expected?.eventId &&
    checkpoint?.at === expected?.at;
  if (!isExpected) throw new StaleCheckpointError(`generation ${number} of ${view} has moved`);
  connection.run('UPDATE generations SET position = ?, eventId = ?, at = ? WHERE view = ? AND number = ?', [
    next.position,
    next.eventId,
    next.at,
    view,
    number,
  ]);
}

import Database from 'libsql';
import type { ColumnValue } from '../schema';

type Statement = Database.Statement<unknown[]>;

/** Statements that stay prepared per connection; beyond, the oldest is prepared again when it is needed. */
const STATEMENTS_MAX = 300;
const BUSY_TIMEOUT_MS = 10_000;
const CACHE_KIB = 65_536;
/** Pages are read in place, without a copy, as far as this goes. */
const MMAP_BYTES = 2_147_418_112;

export type SqlValue = ColumnValue;
export type SqlRow = readonly SqlValue[];

/**
 * One connection to the database file. Synchronous, so it belongs into a worker thread. Integers arrive as bigints.
 */
export class Connection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Statement>();

  constructor(path: string, access: 'read-write' | 'read-only') {
    this.#database = new Database(path);
    this.exec(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}`);
    this.exec(`PRAGMA cache_size=-${CACHE_KIB}`);
    this.exec('PRAGMA temp_store=MEMORY');
    this.exec(`PRAGMA mmap_size=${MMAP_BYTES}`);
    if (access === 'read-only') {
      this.exec('PRAGMA query_only=1');
      return;
    }
    // Readers go on while the writer writes. After a power cut the newest commits may be missing, whole and in order:
    // what they held is folded again from the record.
    this.exec('PRAGMA journal_mode=WAL');
    this.exec('PRAGMA synchronous=NORMAL');
    this.exec('PRAGMA journal_size_limit=67108864');
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  run(sql: string, parameters: SqlRow): void {
    this.#prepared(sql).run([...parameters]);
  }

  /** Runs one statement for each row. */
  runEach(sql: string, rows: Iterable<SqlRow>): void {
    const statement = this.#prepared(sql);
    for (const row of rows) statement.run(row as SqlValue[]);
  }

  all(sql: string, parameters: SqlRow): readonly SqlRow[] {
    return this.#prepared(sql).all([...parameters]) as SqlRow[];
  }

  /** All or nothing. */
  transaction(write: () => void): void {
    this.exec('BEGIN IMMEDIATE');
    try {
      write();
      this.exec('COMMIT');
    } catch (error) {
      if (this.#database.inTransaction) this.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepared(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    if (statement.reader) statement.raw().safeIntegers();
    if (this.#statements.size >= STATEMENTS_MAX) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}

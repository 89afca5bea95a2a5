import type { AnswerStore } from '#answer-store';
import type { Checks, ConfigurationOf, Mode } from '#configuration';
import type { EventStore } from '#event-store';
import type { KeyStore } from '#key-store';
import type { RecordSource } from '#read-side';

/** What the services of a process stand on, whatever keeps it. */
export interface Engines {
  readonly store: EventStore;
  readonly keyStore: KeyStore;
  readonly answers: AnswerStore;
  /** How threads beside this one read the same record. */
  readonly record: RecordSource;
  /** What is waited for while the record does not answer, for the log; without credentials. */
  readonly recordName: string;
  /** Whether other processes write to the record too. */
  readonly isShared: boolean;
  /** Where the secrets of the first run are kept. */
  readonly firstRunFile: string;
  close(): Promise<void>;
}

/** One way to run: its mode, and how its engines are opened. */
export interface EngineKit<M extends Mode> {
  readonly mode: M;
  readonly checks: Checks;
  /** @throws an error with a sentence that says what to do; see `isExpected`. */
  open(configuration: ConfigurationOf<M>, environment: NodeJS.ProcessEnv): Promise<Engines>;
}

import type { AnswerStore } from '#answer-store';
import type { PeerKey, RecordedAt } from '#cluster';
import type { Checks, ConfigurationOf, Mode, PeerConfiguration } from '#configuration';
import type { LocalKeys } from '#control';
import type { EventStore } from '#event-store';
import type { ConnectionLimits } from '#http-server';
import type { StreamName } from '#kernel';
import type { KeyStore } from '#key-store';
import type { RecordSource } from '#read-side';

/** What a gateway needs to be one of several. */
export interface Sharing {
  readonly peer: PeerConfiguration;
  readonly peerKey: PeerKey;
  /** What may connect to the port for other gateways. */
  readonly limits: ConnectionLimits;
  /** When the store, by its own clock, recorded an event. */
  readonly recordedAt?: RecordedAt;
  /** Keeps the stream of a gateway's beats short. */
  readonly limitHistory?: (stream: StreamName) => Promise<void>;
}

/** What the services of a process stand on, whatever keeps it. */
export interface Engines {
  readonly store: EventStore;
  readonly keyStore: KeyStore;
  readonly answers: AnswerStore;
  /** For comparing the keys of this process with those of the record. */
  readonly keys: LocalKeys;
  /** How threads beside this one read the same record. */
  readonly record: RecordSource;
  /** What is waited for while the record does not answer, for the log; without credentials. */
  readonly recordName: string;
  /** Present where other gateways write to the record too. */
  readonly sharing?: Sharing;
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

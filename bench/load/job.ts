import type { LatencySummary } from './latencies';

/** Where requests go to; connections are spread evenly over several. */
export interface LoadDestination {
  readonly name: string;
  readonly port: number;
}

/** One run of the load generator: so many connections, each with one request at a time. */
export interface LoadJob {
  readonly destinations: readonly LoadDestination[];
  readonly path: string;
  /** Of different callers: one request after the other has the next ones, whatever its connection. */
  readonly headers: readonly Readonly<Record<string, string>>[];
  readonly body: string;
  readonly connections: number;
  /** Not measured: connections open, code gets compiled. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadShare extends LatencySummary {
  /** In the measured time. */
  readonly answers: number;
  readonly perSecond: number;
}

export interface LoadResult extends LoadShare {
  /** What each destination answered, by its name. */
  readonly shares: Readonly<Record<string, LoadShare>>;
  /** With those of the warm-up: what the processor time of the whole run was spent on. */
  readonly answersWithWarmUp: number;
  /** Answers other than a complete 200, with the first of them for whoever must find out why. */
  readonly failures: number;
  readonly firstFailure?: string;
}

export type LoadMessage =
  | { readonly ok: true; readonly result: LoadResult }
  | { readonly ok: false; readonly error: string };

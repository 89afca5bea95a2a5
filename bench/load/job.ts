import type { LatencySummary } from './latencies';

/** One run of the load generator: so many connections, each with one request at a time. */
export interface LoadJob {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  /** Not measured: connections open, code gets compiled. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadResult extends LatencySummary {
  /** In the measured time. */
  readonly answers: number;
  /** With those of the warm-up: what the processor time of the whole run was spent on. */
  readonly answersWithWarmUp: number;
  /** Answers other than a complete 200, with the first of them for whoever must find out why. */
  readonly failures: number;
  readonly firstFailure?: string;
  readonly perSecond: number;
}

export type LoadMessage =
  | { readonly ok: true; readonly result: LoadResult }
  | { readonly ok: false; readonly error: string };

import type { BackendClient } from '#inference/backends';
import type { Backend, BackendKind, Model, UpcomingPrices } from '#inference/catalogue';
import type { ApiKeyId, BackendId, BootId, CallId, Clock, EpochMs, ModelId, OrganizationId, Prices } from '#kernel';
import type { LedgerService } from '#ledger';
import type { Router } from '../routing/router';
import type { CallCut } from './call-cut';
import type { Caller } from './caller';
import type { KeyedAnswers } from './keyed-answers';
import type { ResponseCache } from './response-cache';
import type { CallSettings } from './settings';

export type CallableModel =
  | {
      readonly ok: true;
      readonly model: Model;
      readonly prices: Prices;
      /** What will be in force later, as far as it is known; ascending by time. */
      readonly upcoming: readonly UpcomingPrices[];
    }
  | { readonly ok: false; readonly code: 'model_not_found' | 'model_not_allowed' | 'model_not_priced' };

/** The catalogue as the inference plane reads it. */
export interface ModelDirectory {
  findCallableModel(caller: Pick<Caller, 'orgId' | 'models'>, model: ModelId, at: EpochMs): CallableModel;
  callableModels(caller: Pick<Caller, 'orgId' | 'keyId' | 'models'>, at: EpochMs): readonly Model[];
  backends(): ReadonlyMap<BackendId, Backend>;
}

/** What is said of each call once it is over: facts and numbers, never content or secrets. */
export interface CallReport {
  readonly caller: Caller;
  readonly endpoint: string;
  readonly model: string;
  readonly stream: boolean;
  readonly backend?: string;
  readonly outcome: string;
  readonly status: number;
  readonly code?: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly chargedNanoUsd?: bigint;
  readonly excessNanoUsd?: bigint;
  readonly latencyMs: number;
  readonly firstByteMs?: number;
}

/** A call that cost more than it held: its model's bounds do not hold. */
export interface ExceededHold {
  readonly organizationId: OrganizationId;
  readonly keyId: ApiKeyId;
  /** Whether it held what an excess before it had proven. */
  readonly heldProvenBound: boolean;
  /** Whether more was read than was bounded; otherwise more was generated than allowed, or what was said cannot be. */
  readonly disprovesBound: boolean;
  readonly callId: CallId;
  readonly model: ModelId;
  readonly backendId: BackendId;
  readonly upstreamModel: string;
}

export interface CallObserver {
  /** To be acted on by the catalogue: a bound that failed once is not trusted again. */
  exceeded(excess: ExceededHold): void;
  ended(report: CallReport): void;
  /** A mistake of the platform; the call got a 500. */
  failed(error: unknown, caller: Caller): void;
}

export interface CallDependencies {
  readonly ledger: LedgerService;
  readonly models: ModelDirectory;
  readonly backendClient: (kind: BackendKind) => BackendClient | undefined;
  readonly keyedAnswers: KeyedAnswers;
  readonly responseCache: ResponseCache;
  readonly clock: Clock;
  readonly owner: BootId;
  /** Whether the others still take this process for alive: what it holds may be ended by them when they do not. */
  readonly mayDispatch: () => boolean;
  /** Ends the calls of a process that stops and cannot wait for them. */
  readonly cut: CallCut;
  readonly router: Router;
  readonly observer: CallObserver;
  readonly settings: CallSettings;
}

import { beyondPossible, type CallPlace, countedUsage, type SeenOutput, type UsageReading } from '#inference';
import { sortBetas } from '#inference/anthropic';
import type { Redact } from '#inference/backends';
import type { Backend, Model } from '#inference/catalogue';
import type { ErrorCode, ErrorOptions } from '#inference/openai';
import { type CallBounds, type CallId, costOf, formatUsd, type NanoUsd, type Prices, type TokenUsage } from '#kernel';
import type { LedgerState } from '#ledger';
import type { RoutingDecision } from '../routing/router';
import type { AnswerKeeper } from './answer-keeper';
import type { CallRecord, Recorded } from './call-record';
import type { Caller } from './caller';
import type { ClientConnection } from './client-connection';
import type { AnswerContext, Dialect, MeteredRequest, RelayedStream } from './dialect';
import type { CallDependencies } from './ports';
import { rateHeaders } from './rate-headers';

/** How a call is charged: the backend's report where it is usable, else what was seen. */
export interface Metering {
  readonly usage: TokenUsage;
  readonly certainty: 'reported' | 'counted';
}

export interface AdmittedCallParts<R extends MeteredRequest> {
  readonly deps: CallDependencies;
  readonly dialect: Dialect<R>;
  readonly request: R;
  readonly caller: Caller;
  readonly connection: ClientConnection;
  readonly record: CallRecord;
  readonly model: Model;
  readonly backend: Backend;
  readonly upstreamModel: string;
  readonly bounds: CallBounds;
  readonly hold: { readonly prices: Prices; readonly holdCost: NanoUsd };
  /** The ledger right after the authorization, for the rate-limit headers. */
  readonly admittedState: LedgerState;
  /** Budgets of mode `warn` that the call goes beyond. */
  readonly warnings: readonly string[];
  readonly keeper: AnswerKeeper;
}

/** One call between its authorization and its end: what the unstreamed and the streamed way have in common. */
export class AdmittedCall<R extends MeteredRequest> {
  charge: { readonly usage: TokenUsage; readonly charged: NanoUsd; readonly excess: NanoUsd } | undefined;
  outcome = 'unknown';
  status = 200;
  code: ErrorCode | undefined;
  /** Of a stream that has begun: its last frame may have to fit those before. */
  relay: RelayedStream | undefined;

  /** The backend said that it did more than it can have done: its model's bounds are in doubt. */
  private isBeyondPossible = false;

  readonly deps: CallDependencies;
  readonly dialect: Dialect<R>;
  readonly request: R;
  readonly caller: Caller;
  readonly connection: ClientConnection;
  readonly record: CallRecord;
  readonly model: Model;
  /** Where the call is sent; another one after a failover. */
  backend: Backend;
  decision: RoutingDecision;
  upstreamModel: string;
  /** For what a backend says beside its output, by the credential of the last attempt. */
  redact: Redact = (text) => text;
  /** A backend may have seen the request, in any of its attempts: then it counts as one, whatever its outcome. */
  wasSent = false;
  /** As the ledger granted them. */
  readonly bounds: CallBounds;
  readonly keeper: AnswerKeeper;

  constructor(private readonly parts: AdmittedCallParts<R>) {
    this.deps = parts.deps;
    this.dialect = parts.dialect;
    this.request = parts.request;
    this.caller = parts.caller;
    this.connection = parts.connection;
    this.record = parts.record;
    this.model = parts.model;
    this.backend = parts.backend;
    this.upstreamModel = parts.upstreamModel;
    this.decision = parts.caller.routing.onlyBackend === undefined ? 'primary' : 'override';
    this.bounds = parts.bounds;
    this.keeper = parts.keeper;
  }

  get callId(): CallId {
    return this.caller.requestId;
  }

  /** Where it is now: whose circuits are concerned. */
  get place(): CallPlace {
    return { backendId: this.backend.id, orgId: this.caller.orgId, model: this.model.id };
  }

  get context(): AnswerContext {
    return {
      requestId: this.callId,
      createdSeconds: Math.floor(this.deps.clock.now() / 1_000),
      latencyMs: () => this.record.elapsedMs(),
      backendKind: this.backend.kind,
    };
  }

  /**
   * Takes a report at its word where it is plausible and possible; otherwise charges the seen output (all that was
   * granted, where more is said to have been generated), and the input that the backend has named, else its bound.
   */
  metering(reading: UsageReading, seen: SeenOutput): Metering {
    const { bounds, model, request } = this;
    const beyond = beyondPossible(reading, {
      bounds,
      contextTokens: model.contextTokens,
      prompts: request.facts.prompts.length,
    });
    if (reading.kind === 'reported' && beyond === undefined) return { usage: reading.usage, certainty: 'reported' };
    this.isBeyondPossible = beyond !== undefined;
    if (reading.kind === 'reported' && beyond === 'output-beyond-cap') {
      // An output that cannot be true says nothing against the input beside it.
      const counted = countedUsage(bounds, bounds.outputTokensCap, seen, reading.usage);
      return { usage: { ...counted, output: bounds.outputTokensCap * bounds.outputsMax }, certainty: 'counted' };
    }
    const known = reading.kind === 'absent' ? reading.input : undefined;
    return { usage: countedUsage(bounds, bounds.outputTokensCap, seen, known), certainty: 'counted' };
  }

  /** What is known at least of a call that a backend has seen, and of whose output nothing was: the bound of its input. */
  leastUsage(): TokenUsage {
    return this.metering({ kind: 'absent' }, { textBytes: 0, deltas: 0 }).usage;
  }

  /** Whether counting what was seen says little about what the backend generated. */
  isUncountable(seen: SeenOutput): boolean {
    return this.model.hiddenReasoning || seen.isPartial === true;
  }

  /** What settling this usage will charge: known beforehand, since hold and prices are. */
  chargeFor(usage: TokenUsage): NanoUsd {
    const actual = costOf(usage, this.parts.hold.prices);
    return actual < this.parts.hold.holdCost ? actual : this.parts.hold.holdCost;
  }

  took(usage: TokenUsage, recorded: Recorded): void {
    if (recorded.kind !== 'recorded') return;
    const { charged, excess } = recorded;
    this.charge = { usage, charged, excess };
    if (excess === 0n && !this.isBeyondPossible) return;
    const { callId, upstreamModel, caller, model, backend } = this;
    this.deps.observer.exceeded({
      callId,
      model: model.id,
      backendId: backend.id,
      upstreamModel,
      organizationId: caller.orgId,
      keyId: caller.keyId,
      heldProvenBound: model.boundWithdrawn === true,
      disprovesBound: !this.isBeyondPossible,
    });
  }

  /** Headers of a good answer. Cost is known only once the call is settled, so a stream's headers lack it. */
  headers(upstreamRequestId: string | undefined, contentType: string): Record<string, string> {
    const { clientRequestId, keyId, requestId } = this.caller;
    const { outputsMax, outputTokensCap } = this.bounds;
    const { warnings } = this.parts;
    return {
      'content-type': contentType,
      'x-request-id': requestId,
      ...this.dialect.answerHeaders?.(requestId),
      ...(clientRequestId === undefined ? {} : { 'x-client-request-id': clientRequestId }),
      ...(upstreamRequestId === undefined ? {} : { 'x-upstream-request-id': upstreamRequestId }),
      ...this.routingHeaders(),
      ...(outputsMax > 0 && this.request.facts.outputCap !== outputTokensCap
        ? { 'x-output-cap': String(outputTokensCap) }
        : {}),
      ...(warnings.length === 0 ? {} : { 'x-budget-warning': warnings.join(', ') }),
      ...(this.charge === undefined ? {} : { 'x-call-cost': formatUsd(this.charge.charged) }),
      ...rateHeaders(this.parts.admittedState, keyId, this.deps.clock.now()),
    };
  }

  /** Who answers, why, and whether an operator has said that it does badly. */
  private routingHeaders(): Record<string, string> {
    const { name, service, kind } = this.backend;
    const { leftOut } = sortBetas(kind === 'anthropic' ? (this.caller.anthropic?.betas ?? []) : [], this.backend);
    return {
      'x-routing-backend': name,
      'x-routing-decision': this.decision,
      ...(leftOut.length === 0 ? {} : { 'x-anthropic-beta-left-out': leftOut.join(',') }),
      ...(service === 'degraded' ? { 'x-routing-warning': 'backend-degraded' } : {}),
    };
  }

  /** An error to a client that has been sent nothing, or what ends a stream that has failed. */
  answerError(code: ErrorCode, options: Omit<ErrorOptions, 'requestId'> = {}): void {
    const full: ErrorOptions = { ...options, requestId: this.callId };
    this.code = code;
    if (this.connection.hasBegun) {
      const { relay, dialect, request, context } = this;
      this.connection.write(relay?.errorFrame?.(code, full) ?? dialect.errorFrame(code, full, request, context));
      this.connection.end();
      return;
    }
    const { status, headers, body } = this.dialect.errorAnswer(code, full);
    this.status = status;
    const { clientRequestId, keyId } = this.caller;
    this.connection.answer(
      status,
      {
        ...headers,
        ...(clientRequestId === undefined ? {} : { 'x-client-request-id': clientRequestId }),
        ...this.routingHeaders(),
        ...rateHeaders(this.parts.admittedState, keyId, this.deps.clock.now()),
      },
      body,
    );
  }

  /** Answers an error once its record is durable; a record that is not durable is the graver error. */
  answerRecorded(recorded: Recorded, code: ErrorCode, options: Omit<ErrorOptions, 'requestId'> = {}): void {
    if (recorded.kind === 'recorded') this.answerError(code, options);
    else this.answerError('record_unavailable');
  }

  report(): void {
    const { record, caller, charge, code } = this;
    const firstByteMs = record.firstByteMs;
    this.deps.observer.ended({
      caller,
      endpoint: this.dialect.endpoint,
      model: this.model.id,
      stream: this.request.stream,
      backend: this.backend.name,
      outcome: this.outcome,
      status: this.status,
      ...(code === undefined ? {} : { code }),
      ...(charge === undefined
        ? {}
        : {
            inputTokens: charge.usage.input + charge.usage.cachedInput + charge.usage.cacheWrite,
            outputTokens: charge.usage.output,
            chargedNanoUsd: charge.charged,
            excessNanoUsd: charge.excess,
          }),
      latencyMs: record.elapsedMs(),
      ...(firstByteMs === undefined ? {} : { firstByteMs }),
    });
  }
}

import type { ErrorCode, ErrorOptions } from '#inference/openai';
import { foreignText, type ModelId } from '#kernel';
import { type LedgerOutcome, LedgerUnavailableError } from '#ledger';
import type { Caller } from './caller';
import type { ClientConnection } from './client-connection';
import type { Dialect, MeteredRequest } from './dialect';
import { refusalAnswer } from './ledger-refusals';
import type { CallDependencies } from './ports';
import { rateHeaders } from './rate-headers';

type Options = Omit<ErrorOptions, 'requestId'>;

/** As much of a foreign model name as events and log lines carry. */
const MODEL_BYTES_MAX = 120;

/** The model that a request names, for the record of its refusal. */
export function modelNamed(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('model' in body)) return '(none)';
  return typeof body.model === 'string' ? foreignText(body.model, MODEL_BYTES_MAX) : '(none)';
}

/** A call that is not admitted: its refusal is recorded, counted and answered. */
export class RefusedCall<R extends MeteredRequest> {
  constructor(
    private readonly deps: Pick<CallDependencies, 'ledger' | 'clock' | 'observer'>,
    private readonly dialect: Dialect<R>,
    private readonly caller: Caller,
    private readonly connection: ClientConnection,
    private readonly model: string,
  ) {}

  /** Refused before the ledger was asked; recorded there all the same. */
  async beforeLedger(code: ErrorCode, options: Options): Promise<void> {
    const { orgId, keyId, projectId, requestId } = this.caller;
    const model = foreignText(this.model, MODEL_BYTES_MAX) as ModelId;
    try {
      await this.deps.ledger.submit(
        orgId,
        { type: 'RecordRefusal', callId: requestId, keyId, projectId, model, endpoint: this.dialect.endpoint, code },
        { actor: { type: 'api-key', id: keyId }, requestId },
      );
    } catch (error) {
      // The refusal itself stands: a call that was not admitted needs no record to be safe.
      if (!(error instanceof LedgerUnavailableError)) throw error;
    }
    this.answer(code, options);
  }

  byLedger(outcome: LedgerOutcome & { ok: false }): void {
    const { code, message, details, retryAfterMs } = refusalAnswer(outcome.refusal);
    const options = {
      ...(message === undefined ? {} : { message }),
      details: { ...details, ...(outcome.eventId === undefined ? {} : { event_id: outcome.eventId }) },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
    this.answer(code, options, rateHeaders(outcome.state, this.caller.keyId, this.deps.clock.now()));
  }

  answer(code: ErrorCode, options: Options = {}, extra: Readonly<Record<string, string>> = {}): void {
    const { caller, dialect } = this;
    const { status, headers, body } = dialect.errorAnswer(code, { ...options, requestId: caller.requestId });
    const { clientRequestId } = caller;
    const echoed = clientRequestId === undefined ? {} : { 'x-client-request-id': clientRequestId };
    this.connection.answer(status, { ...headers, ...echoed, ...extra }, body);
    this.report('refused', status, { code });
  }

  /** Not admitted because its answer was there already: the first call's, given again. */
  replayed(status: number): void {
    this.report('replayed', status);
  }

  private report(outcome: 'refused' | 'replayed', status: number, rest: { readonly code?: ErrorCode } = {}): void {
    const { caller, dialect } = this;
    this.deps.observer.ended({
      caller,
      endpoint: dialect.endpoint,
      model: foreignText(this.model, MODEL_BYTES_MAX),
      stream: false,
      outcome,
      status,
      ...rest,
      latencyMs: Math.max(0, Math.round(this.deps.clock.monotonicMs() - caller.arrivedMs)),
    });
  }
}

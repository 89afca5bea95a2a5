import { PhaseWatch } from '../phase-watch';
import type { BackendClient, OpenFailure, UpstreamCall, UpstreamResponse } from '../port';
import { PushBody } from '../push-body';
import { type Plan, planOf } from './plan';
import { Player } from './player';
import { parseSimulatedModel, type SimulatedModel, type SimulatorSettingsInput } from './settings';

/** Settings recur from call to call; parsing them once each keeps the simulator fast. */
const PARSED_MODELS_MAX = 1_000;

function failed(failure: OpenFailure): UpstreamResponse {
  return { kind: 'failure', failure };
}

/** Waits for the answer to begin, unless the caller or the backend's own timeout is faster. */
function begin(call: UpstreamCall, model: SimulatedModel): Promise<OpenFailure | undefined> {
  const { signal, backend } = call;
  return new Promise((resolve) => {
    const done = (failure?: OpenFailure) => {
      watch.stop();
      clearTimeout(latency);
      signal.removeEventListener('abort', onAbort);
      resolve(failure);
    };
    const onAbort = () => done({ kind: 'aborted', dispatched: true });
    const watch = new PhaseWatch(() => done({ kind: 'first-byte-timeout' }));
    watch.start('first-byte', backend.timeouts.firstByteMs);
    const latency = model.settings.hang ? undefined : setTimeout(done, model.settings.latencyMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function answer(call: UpstreamCall, plan: Extract<Plan, { kind: 'answer' }>): UpstreamResponse {
  const player = new Player(plan.steps);
  const { signal, backend } = call;
  const onAbort = () => body.cancel();
  const body = new PushBody(player, backend.timeouts, backend.timeouts.firstByteMs, () =>
    signal.removeEventListener('abort', onAbort),
  );
  signal.addEventListener('abort', onAbort, { once: true });
  player.start(body);
  return { kind: 'answer', status: 200, headers: { contentType: plan.contentType }, body };
}

/**
 * A backend inside the process: the model `echo` answers with the user's last words, or with the prompt again;
 * `echo-embedding` with vectors that depend on the text alone. Deterministic, free of charge, and able to fail in every
 * way that a real backend can.
 */
export class SimulatorBackendClient implements BackendClient {
  readonly #models = new Map<string, SimulatedModel | string>();
  #closed = false;

  /** @param defaults settings of every call, unless its upstream model says otherwise. */
  constructor(private readonly defaults: SimulatorSettingsInput = {}) {}

  async open(call: UpstreamCall): Promise<UpstreamResponse> {
    if (call.signal.aborted) return failed({ kind: 'aborted', dispatched: false });
    if (this.#closed) return failed({ kind: 'connect-failed', reason: 'shutting down' });
    const model = this.#model(String(call.body.model));
    if (typeof model !== 'string' && model.settings.unreachable)
      return failed({ kind: 'connect-failed', reason: 'simulated' });
    const why = call.whyNotStart();
    if (why !== undefined) return failed({ kind: 'not-started', reason: why });
    if (typeof model === 'string') return { kind: 'status', status: 404, headers: {}, body: model };
    if (model.settings.hang || model.settings.latencyMs > 0) {
      const failure = await begin(call, model);
      if (failure !== undefined) return failed(failure);
    }
    const plan = planOf(model, call.operation, call.body, call.contextTokens);
    return plan.kind === 'answer'
      ? answer(call, plan)
      : { kind: 'status', status: plan.status, headers: { contentType: 'application/json' }, body: plan.body };
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #model(upstreamModel: string): SimulatedModel | string {
    const known = this.#models.get(upstreamModel);
    if (known !== undefined) return known;
    const model = parseSimulatedModel(upstreamModel, this.defaults);
    if (this.#models.size >= PARSED_MODELS_MAX) this.#models.clear();
    this.#models.set(upstreamModel, model);
    return model;
  }
}

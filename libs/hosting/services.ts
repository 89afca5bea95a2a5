import type { Configuration } from '#configuration';
import type { ControlPlane } from '#control';
import { systemClock, systemIdentifiers } from '#environment';
import {
  ActiveCalls,
  CallCut,
  type CallDependencies,
  CallRunner,
  DEFAULT_CALL_SETTINGS,
  type ExceededHold,
  proberWith,
  ResponseCache,
  Router,
  startProbing,
} from '#gateway';
import { RequestRates, THROTTLED_REQUESTS } from '#http-edge';
import { BodyMemory } from '#http-server';
import {
  AddressGuard,
  AnthropicBackendClient,
  type BackendClient,
  OpenAiBackendClient,
  SimulatorBackendClient,
} from '#inference/backends';
import type { BackendKind } from '#inference/catalogue';
import type { LedgerService } from '#ledger';
import { ReadSide, type ReadSideClient } from '#read-side';
import { createMetrics, type Logger, type Metrics } from '#telemetry';
import type { ClusterNode } from './cluster-node';
import type { Engines } from './engines';
import { observeAndLimit } from './observe-calls';
import { openRecord } from './open-record';
import { pollForViews, tellViews } from './tell-views';

export type Phase = 'starting' | 'ready' | 'draining';

/** Everything that one process serves with. */
export interface Services {
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly engines: Engines;
  readonly ledger: LedgerService;
  readonly control: ControlPlane;
  readonly readSide: ReadSideClient;
  readonly calls: CallDependencies;
  readonly runner: CallRunner;
  readonly router: Router;
  readonly active: ActiveCalls;
  /** Of all planes. */
  readonly rates: RequestRates;
  /** What request bodies may take, on all planes together. */
  readonly bodyMemory: BodyMemory;
  /** Present where other gateways write to the record too. */
  readonly node?: ClusterNode;
  phase: Phase;
  close(): Promise<void>;
}

/** How often rows of expired Idempotency-Keys are forgotten, and how many at once. */
const SWEEP_MS = 60_000;
const SWEEP_ROWS_MAX = 1_000;

function backendClients(control: ControlPlane, guard: AddressGuard): ReadonlyMap<BackendKind, BackendClient> {
  const openSecret: ConstructorParameters<typeof OpenAiBackendClient>[0] = async (credential) => {
    const secret = await control.credentialOf({ credential });
    if (secret === undefined) throw new Error('a backend with a credential has none');
    return secret;
  };
  return new Map<BackendKind, BackendClient>([
    ['openai', new OpenAiBackendClient(openSecret, undefined, guard)],
    ['anthropic', new AnthropicBackendClient(openSecret, guard)],
    ['simulator', new SimulatorBackendClient()],
  ]);
}

/** A call cost more than it held: whoever caused that is stopped, or the bounds of its model are withdrawn. */
async function distrustBounds(control: ControlPlane, logger: Logger, excess: ExceededHold): Promise<void> {
  logger.error(
    { ...excess },
    'a call cost more than it held: its key is stopped on the model, or the bounds of the model are withdrawn',
  );
  const { model: modelId, ...rest } = excess;
  const command = { type: 'RecordExcess', modelId, ...rest } as const;
  await control.catalogueCommands
    .change(control.systemContext('excess'), command)
    .catch((error: unknown) =>
      logger.error({ error, ...excess }, 'nothing could be done about a call that cost more than it held'),
    );
}

/** Forgets expired answers, and tells the metrics what only looking tells. */
function startSweeping({ answers }: Engines, ledger: LedgerService, metrics: Metrics, logger: Logger): NodeJS.Timeout {
  return setInterval(() => {
    answers
      .sweep(systemClock.now(), SWEEP_ROWS_MAX)
      .catch((error: unknown) => logger.error({ error }, 'expired answers could not be forgotten'));
    metrics.warmLedgers.set(ledger.warmLedgers);
  }, SWEEP_MS);
}

function ratesOf({ requestRates }: Configuration, { throttledRequests }: Metrics): RequestRates {
  // Every kind is there from the start: what never happened reads 0.
  for (const what of THROTTLED_REQUESTS) throttledRequests.inc({ what }, 0);
  return new RequestRates({
    ...requestRates,
    clock: systemClock,
    onThrottled: (what) => throttledRequests.inc({ what }),
  });
}

/** Opens everything on a record that answers; `phase` stays `starting` until calls may be admitted. */
export async function openServices(engines: Engines, configuration: Configuration, logger: Logger): Promise<Services> {
  const metrics = createMetrics();
  // Its workers take a while to start, and nothing needs them before the record is open.
  const openingReadSide = ReadSide.open({
    dataDir: configuration.dataDir,
    record: engines.record,
    report: (report) => logger[report.type === 'rebuild' ? 'info' : 'warn']({ report }, 'read side'),
  });
  const owner = systemIdentifiers(systemClock).id('boot');
  const record = await openRecord(engines, owner, logger, metrics, configuration.acceptRecordTime);
  const { ledger, control, keyedAnswers, node } = record;
  const readSide = await openingReadSide;
  const telling = node === undefined ? await tellViews(engines.store, readSide) : pollForViews(engines.store, readSide);
  const guard = new AddressGuard(configuration.backendHosts);
  const clients = backendClients(control, guard);
  const router = new Router({ backends: () => control.backends(), clock: systemClock, random: Math.random });
  const rates = ratesOf(configuration, metrics);
  const calls: CallDependencies = {
    ledger,
    models: control,
    backendClient: (kind) => clients.get(kind),
    keyedAnswers,
    responseCache: new ResponseCache(engines.answers, engines.keyStore, systemClock),
    clock: systemClock,
    owner,
    mayDispatch: () => node?.membership.leaseHolds() ?? true,
    cut: new CallCut(),
    router,
    observer: {
      ...observeAndLimit(logger, metrics, rates),
      exceeded: (excess) => void distrustBounds(control, logger, excess),
    },
    settings: DEFAULT_CALL_SETTINGS,
  };
  const probing = startProbing(router, proberWith(guard));
  const sweeper = startSweeping(engines, ledger, metrics, logger);
  return {
    configuration,
    logger,
    metrics,
    engines,
    ledger,
    control,
    readSide,
    calls,
    runner: new CallRunner(calls),
    router,
    rates,
    bodyMemory: BodyMemory.ofHeap(),
    active: new ActiveCalls((count) => metrics.activeCalls.set(count)),
    phase: 'starting',
    ...(node === undefined ? {} : { node }),
    async close() {
      clearInterval(sweeper);
      probing.stop();
      await record.close();
      for (const client of clients.values()) await client.close();
      await telling.close();
      await readSide.close();
      await engines.close();
    },
  };
}

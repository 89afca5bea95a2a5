import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/**
 * Metrics with bounded labels. Names of inference metrics follow the OpenTelemetry semantic conventions for generative
 * AI, version 1.36.0, in the form in which Prometheus writes them.
 */
export const GEN_AI_CONVENTION_VERSION = '1.36.0';

const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const TOKEN_BUCKETS = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576];

/** Distinct values that one label may take; the rest is `other`, so that no client can grow the metrics. */
const LABEL_VALUES_MAX = 200;

/** Lets the first so many values of a label pass and folds the others into one. */
export function boundedLabel(valuesMax: number = LABEL_VALUES_MAX): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= valuesMax) return 'other';
    known.add(value);
    return value;
  };
}

/** What is turned away before anything of it is looked at. */
function doorMetrics(registers: Registry[]) {
  return {
    authenticationFailures: new Counter({
      name: 'aiaas_authentication_failures_total',
      help: 'Credentials that were turned away.',
      labelNames: ['code'],
      registers,
    }),
    throttledRequests: new Counter({
      name: 'aiaas_throttled_requests_total',
      help: 'Requests that were turned away for their rate before they were looked at.',
      labelNames: ['what'],
      registers,
    }),
  };
}

export function createMetrics() {
  const registers = [new Registry()];
  const [registry = new Registry()] = registers;
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    tokenUsage: new Histogram({
      name: 'gen_ai_client_token_usage',
      help: 'Tokens per call.',
      labelNames: ['gen_ai_operation_name', 'gen_ai_request_model', 'gen_ai_token_type'],
      buckets: TOKEN_BUCKETS,
      registers,
    }),
    requestDuration: new Histogram({
      name: 'gen_ai_server_request_duration_seconds',
      help: 'From the arrival of a call to its settled answer.',
      labelNames: ['gen_ai_operation_name', 'gen_ai_request_model', 'outcome'],
      buckets: DURATION_BUCKETS,
      registers,
    }),
    timeToFirstToken: new Histogram({
      name: 'gen_ai_server_time_to_first_token_seconds',
      help: 'From the arrival of a call to the first byte of its answer.',
      labelNames: ['gen_ai_operation_name', 'gen_ai_request_model'],
      buckets: DURATION_BUCKETS,
      registers,
    }),
    calls: new Counter({
      name: 'aiaas_calls_total',
      help: 'Calls by outcome and error code.',
      labelNames: ['endpoint', 'outcome', 'code'],
      registers,
    }),
    chargedUsd: new Counter({ name: 'aiaas_charged_usd_total', help: 'What calls were charged.', registers }),
    excessUsd: new Counter({
      name: 'aiaas_excess_usd_total',
      help: 'What calls cost beyond their holds; any growth wants an operator.',
      registers,
    }),
    ...doorMetrics(registers),
    activeCalls: new Gauge({ name: 'aiaas_active_calls', help: 'Calls under way.', registers }),
    warmLedgers: new Gauge({ name: 'aiaas_warm_ledgers', help: 'Ledgers kept in memory.', registers }),
    contendedBatches: new Counter({
      name: 'aiaas_ledger_contended_batches_total',
      help: 'Batches of commands of one ledger that met other gateways, by what happened.',
      labelNames: ['what'],
      registers,
    }),
    contendedCommands: new Counter({
      name: 'aiaas_ledger_contended_commands_total',
      help: 'The commands in those batches; one that loses twice counts twice.',
      labelNames: ['what'],
      registers,
    }),
    livingGateways: new Gauge({
      name: 'aiaas_living_gateways',
      help: 'Gateways on the same record that count as alive, this one included.',
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

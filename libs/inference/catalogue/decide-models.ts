import { accepted, canonicalJson, MODEL_ID_BYTES_MAX, parseModelId } from '#kernel';
import type {
  CatalogueDecision,
  ChangeModel,
  ModelSettings,
  RegisterModel,
  RetireModel,
  RouteSettings,
} from './commands';
import { no } from './commands';
import { parseBounds } from './decide-bounds';
import type { CatalogueEventData } from './events';
import type { CatalogueState } from './state';
import { sameRoute } from './state';
import type { Model, ModelKind, ModelRoute } from './types';

export const CONTEXT_TOKENS_MAX = 100_000_000;
export const ROUTES_MAX = 20;
export const WEIGHT_MAX = 10_000;

type Settings = Omit<CatalogueEventData<'ModelChanged'>, 'modelId'>;
type Wanted = ModelSettings & { readonly kind: ModelKind };
type Refused = ReturnType<typeof no>;

function isWholeBetween(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}

/** What a backend calls a model obeys the same rules as our own ids, but for slashes at its ends. */
function isUpstreamModel(name: string): boolean {
  return parseModelId(name.replace(/^\/|\/$/g, '_')) !== undefined;
}

/** At least one route and no route twice: its share is its weight. */
function parseRoutes(settings: readonly RouteSettings[]): readonly ModelRoute[] | undefined {
  const routes = settings.map(({ backendId, upstreamModel, weight = 1 }) => ({ backendId, upstreamModel, weight }));
  const wellFormed = routes.every(
    ({ upstreamModel, weight }, i) =>
      isUpstreamModel(upstreamModel) &&
      isWholeBetween(weight, 1, WEIGHT_MAX) &&
      routes.findIndex((other) => sameRoute(other, routes[i] ?? other)) === i,
  );
  return wellFormed && routes.length >= 1 && routes.length <= ROUTES_MAX ? routes : undefined;
}

interface OutputTokens {
  readonly maxOutputTokens: number;
  readonly defaultOutputTokens: number;
}

/** An embedding generates nothing, so nothing is held for its output. */
function parseOutputTokens(wanted: Wanted): OutputTokens | undefined {
  const { kind, contextTokens, maxOutputTokens = 0 } = wanted;
  const defaultOutputTokens = wanted.defaultOutputTokens ?? maxOutputTokens;
  const [min, max] = kind === 'embedding' ? [0, 0] : [1, contextTokens];
  const valid = isWholeBetween(maxOutputTokens, min, max) && isWholeBetween(defaultOutputTokens, min, maxOutputTokens);
  return valid ? { maxOutputTokens, defaultOutputTokens } : undefined;
}

function parseSettings(wanted: Wanted): { ok: true; settings: Settings } | Refused {
  const { visibility = 'all', contextTokens, hiddenReasoning = false } = wanted;
  if (!isWholeBetween(contextTokens, 1, CONTEXT_TOKENS_MAX))
    return no('invalid_context_tokens', `contextTokens is a whole number from 1 to ${CONTEXT_TOKENS_MAX}.`);
  const output = parseOutputTokens(wanted);
  if (output === undefined)
    return no(
      'invalid_output_tokens',
      wanted.kind === 'embedding'
        ? 'An embedding model generates no tokens: leave maxOutputTokens and defaultOutputTokens out.'
        : 'maxOutputTokens is a whole number from 1 to contextTokens, and defaultOutputTokens from 1 to maxOutputTokens.',
    );
  const routes = parseRoutes(wanted.routes);
  if (routes === undefined)
    return no(
      'invalid_routes',
      `A model has 1 to ${ROUTES_MAX} different routes, each with an upstreamModel and a whole weight from 1 to ${WEIGHT_MAX}.`,
    );
  return { ok: true, settings: { visibility, routes, contextTokens, ...output, hiddenReasoning } };
}

function missingBackend(routes: readonly ModelRoute[], state: CatalogueState): Refused | undefined {
  const missing = routes.find((route) => !state.backends.has(route.backendId));
  return missing && no('route_backend_not_found', `There is no backend ${missing.backendId}: register it first.`);
}

/** The settings of a model as an event would carry them: what was closed or withdrawn is none of them. */
function settingsOf(model: Model): Settings {
  const { visibility, contextTokens, maxOutputTokens, defaultOutputTokens, hiddenReasoning } = model;
  const routes = model.routes.map(({ backendId, upstreamModel, weight }) => ({ backendId, upstreamModel, weight }));
  return { visibility, routes, contextTokens, maxOutputTokens, defaultOutputTokens, hiddenReasoning };
}

export function decideRegisterModel(command: RegisterModel, state: CatalogueState): CatalogueDecision {
  const { kind } = command;
  const modelId = parseModelId(command.id);
  if (modelId === undefined)
    return no(
      'invalid_model_id',
      `A model's id has 1 to ${MODEL_ID_BYTES_MAX} bytes, no control characters and no slash at its ends.`,
    );
  const parsed = parseSettings(command);
  if (!parsed.ok) return parsed;
  const bounds = parseBounds(command.bounds ?? {});
  if (!bounds.ok) return bounds;
  const missing = missingBackend(parsed.settings.routes, state);
  if (missing !== undefined) return missing;
  const data = { modelId, kind, ...parsed.settings, bounds: bounds.bounds };
  const existing = state.models.get(modelId);
  if (existing === undefined) return accepted({ type: 'ModelRegistered', data });
  const before = { modelId, kind: existing.kind, ...settingsOf(existing), bounds: existing.bounds };
  return canonicalJson(before) === canonicalJson(data)
    ? accepted()
    : no('model_exists', `The model ${modelId} is registered already: change it, or choose another id.`);
}

/** A lower maximum takes a default that was not named along; one that was the maximum stays it. */
function withChanges(before: Settings, command: ChangeModel): ModelSettings {
  const { type: _type, id: _id, ...changes } = command;
  const max = changes.maxOutputTokens ?? before.maxOutputTokens;
  const wasMaximum = before.defaultOutputTokens === before.maxOutputTokens;
  const defaultOutputTokens = wasMaximum ? max : Math.min(before.defaultOutputTokens, max);
  return { ...before, defaultOutputTokens, ...changes };
}

export function decideChangeModel(command: ChangeModel, state: CatalogueState): CatalogueDecision {
  const model = state.models.get(command.id);
  if (model === undefined) return no('model_not_found', 'There is no such model.');
  const before = settingsOf(model);
  const parsed = parseSettings({ ...withChanges(before, command), kind: model.kind });
  if (!parsed.ok) return parsed;
  const missing = missingBackend(parsed.settings.routes, state);
  if (missing !== undefined) return missing;
  if (canonicalJson(before) === canonicalJson(parsed.settings)) return accepted();
  return accepted({ type: 'ModelChanged', data: { modelId: model.id, ...parsed.settings } });
}

export function decideRetireModel({ id }: RetireModel, state: CatalogueState): CatalogueDecision {
  if (state.retiredModels.has(id)) return accepted();
  if (!state.models.has(id)) return no('model_not_found', 'There is no such model.');
  return accepted({ type: 'ModelRetired', data: { modelId: id } });
}

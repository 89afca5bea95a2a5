import { type Document, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import {
  type Backend,
  DEFAULT_BOUNDS,
  findBackend,
  findBackendByName,
  findModel,
  type Model,
  type RouteSettings,
} from '#inference/catalogue';
import { type BackendId, canonicalJson, type ModelId, parseId, type Refusal } from '#kernel';
import { BACKEND_CREDENTIAL_RULE, isBackendCredential } from './backend-credentials';
import type { CommandContext } from './command-context';
import {
  type Configuration,
  type ConfiguredBackend,
  type ConfiguredModel,
  configurationSchema,
} from './configuration-schema';
import type { ControlPlane } from './control-plane';

/** The file cannot be applied; the message names each place in it and what to do there. */
export class ConfigurationFileError extends Error {
  override readonly name = 'ConfigurationFileError';
  constructor(file: string, problems: readonly string[]) {
    super(problems.map((problem) => `${file}: ${problem}`).join('\n'));
  }
}

function placeOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

function problemsOf(error: z.ZodError): readonly string[] {
  return error.issues.map(({ path, message }) => `${placeOf(path) || 'the file'}: ${message}`);
}

/** Aliases are only looked up now: one may lead nowhere, or too many to each other. @throws ConfigurationFileError */
function contentOf(file: string, document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigurationFileError(file, [error instanceof Error ? error.message : String(error)]);
  }
}

/** Backends, models and prices as declared, with the secrets that the environment holds. */
export interface ReadConfigurationFile {
  readonly file: string;
  readonly configuration: Configuration;
  /** By name of the environment variable. */
  readonly secrets: ReadonlyMap<string, string>;
}

/**
 * Reads `aiaas.yaml` as a whole before anything of it is applied.
 * @param file its name, for messages.
 * @throws ConfigurationFileError
 */
export function readConfigurationFile(
  file: string,
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): ReadConfigurationFile {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  if (document.errors.length > 0)
    throw new ConfigurationFileError(
      file,
      document.errors.map(({ pos, message }) => {
        const { line, col } = lineCounter.linePos(pos[0]);
        return `line ${line}, column ${col}: ${message}`;
      }),
    );
  const parsed = configurationSchema.safeParse(contentOf(file, document) ?? {});
  if (!parsed.success) throw new ConfigurationFileError(file, problemsOf(parsed.error));
  const configuration = parsed.data;
  const secrets = new Map<string, string>();
  const unusable = configuration.backends.flatMap(({ apiKey }, index) => {
    if (apiKey === undefined) return [];
    const value = environment[apiKey.variable];
    const place = `backends[${index}].apiKey: the environment variable ${apiKey.variable}`;
    if (value === undefined || value === '') return [`${place} is not set`];
    if (!isBackendCredential(value)) return [`${place} cannot be used: ${BACKEND_CREDENTIAL_RULE}`];
    secrets.set(apiKey.variable, value);
    return [];
  });
  if (unusable.length > 0) throw new ConfigurationFileError(file, unusable);
  return { file, configuration, secrets };
}

/**
 * Declares what the file says through the commands that people use. What is so already appends nothing, so it can be
 * applied at every start; what the file does not name stays as it is.
 * @throws ConfigurationFileError when a command is refused; what came before it in the file is applied.
 */
export async function applyConfigurationFile(control: ControlPlane, read: ReadConfigurationFile): Promise<void> {
  const context = control.systemContext('configuration-file');
  const { backends, models } = read.configuration;
  for (const [index, backend] of backends.entries())
    await applyBackend(control, context, backend, { read, place: `backends[${index}] (${backend.name})` });
  for (const [index, model] of models.entries())
    await applyModel(control, context, model, { read, place: `models[${index}] (${model.id})` });
}

interface Place {
  readonly read: ReadConfigurationFile;
  readonly place: string;
}

type Result = { readonly kind: 'accepted' | 'stale' } | { readonly kind: 'refused'; readonly refusal: Refusal };

function accept(result: Result, at: Place): void {
  if (result.kind === 'refused') fail(at, result.refusal.message);
}

function fail({ read, place }: Place, message: string): never {
  throw new ConfigurationFileError(read.file, [`${place}: ${message}`]);
}

async function applyBackend(
  control: ControlPlane,
  context: CommandContext,
  { kind, apiKey, ...settings }: ConfiguredBackend,
  at: Place,
): Promise<void> {
  const credential = apiKey === undefined ? undefined : at.read.secrets.get(apiKey.variable);
  const opened = { ...settings, ...(credential === undefined ? {} : { apiKey: credential }) };
  const existing = findBackendByName(control.catalogue(), settings.name);
  if (existing === undefined) {
    accept(await control.catalogueCommands.registerBackend(context, kind, opened), at);
    return;
  }
  if (existing.kind !== kind)
    fail(at, `kind: it is of the kind ${existing.kind}, which never changes: declare a backend of another name.`);
  accept(await control.catalogueCommands.changeBackend(context, existing.id, opened), at);
}

async function applyModel(
  control: ControlPlane,
  context: CommandContext,
  { id, kind, bounds, prices, routes: named, ...settings }: ConfiguredModel,
  at: Place,
): Promise<void> {
  const { catalogueCommands } = control;
  const modelId = id as ModelId;
  const routes = named.map((route, index) =>
    routeOf(control, route, { ...at, place: `${at.place}: routes[${index}]` }),
  );
  const existing = findModel(control.catalogue(), modelId);
  if (existing === undefined) {
    const model = { type: 'RegisterModel', id, kind, ...settings, routes, ...(bounds && { bounds }) } as const;
    accept(await catalogueCommands.change(context, model), at);
  } else {
    if (existing.kind !== kind)
      fail(at, `kind: it is of the kind ${existing.kind}, which never changes: declare a model with another id.`);
    accept(await catalogueCommands.change(context, { type: 'ChangeModel', id: modelId, ...settings, routes }), at);
    // Declaring the same bounds again would lift a withdrawal that a start must not lift.
    const wanted = bounds && { ...DEFAULT_BOUNDS, ...bounds };
    if (wanted !== undefined && canonicalJson(wanted) !== canonicalJson(existing.bounds))
      accept(await catalogueCommands.change(context, { type: 'DeclareBounds', modelId, bounds: wanted }), at);
  }
  if (prices === undefined) return;
  const { effectiveFrom, ...list } = prices;
  const hasBegun = effectiveFrom !== undefined && effectiveFrom <= context.at;
  if (hasBegun && wereSet(findModel(control.catalogue(), modelId), prices)) return;
  const from = effectiveFrom === undefined ? {} : { effectiveFrom };
  const command = { type: 'SetPrices', at: context.at, modelId, prices: list, ...from } as const;
  accept(await catalogueCommands.change(context, command), { ...at, place: `${at.place}: prices` });
}

/** What the file announced is no news once it has begun, also where a command has set other prices since. */
function wereSet(model: Model | undefined, prices: NonNullable<ConfiguredModel['prices']>): boolean {
  const { input, cachedInput = input, cacheWrite = input, output, effectiveFrom } = prices;
  return (
    model?.prices.some(
      (set) =>
        set.effectiveFrom === effectiveFrom &&
        set.input === input &&
        set.cachedInput === cachedInput &&
        set.cacheWrite === cacheWrite &&
        set.output === output,
    ) ?? false
  );
}

function routeOf(
  control: ControlPlane,
  { backend, ...route }: ConfiguredModel['routes'][number],
  at: Place,
): RouteSettings {
  const backendId = findBackendByIdOrName(control, backend)?.id;
  return backendId === undefined
    ? fail(at, `there is no backend called ${backend}: declare it under backends.`)
    : { backendId, ...route };
}

function findBackendByIdOrName(control: ControlPlane, idOrName: string): Backend | undefined {
  const id: BackendId | undefined = parseId('bkd', idOrName);
  const catalogue = control.catalogue();
  return id === undefined ? findBackendByName(catalogue, idOrName) : findBackend(catalogue, id);
}

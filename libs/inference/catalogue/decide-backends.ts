import { accepted, canonicalJson, parseId } from '#kernel';
import { foldField, isNeverField } from '../fields';
import { parseBaseUrl } from './base-url';
import type { CatalogueDecision, ChangeBackend, RegisterBackend, RemoveBackend, SetBackendService } from './commands';
import { no } from './commands';
import type { CatalogueState } from './state';
import { findBackendByName } from './state';
import type { Backend, BackendTimeouts, OutputCapChoice } from './types';

export const DEFAULT_TIMEOUTS: BackendTimeouts = { connectMs: 5_000, firstByteMs: 600_000, idleMs: 120_000 };
const TIMEOUT_MS_MAX = 3_600_000;
const DROP_FIELDS_MAX = 100;

/** Resolves nowhere, by RFC 6761: the simulator is part of the platform. */
const SIMULATOR_URL = 'http://simulator.invalid';

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const FIELD = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const BETA = /^[a-z0-9][a-z0-9.-]{0,99}$/;
const LIST_MAX = 100;

/** Fields that decide what a call may cost: a backend that rejects one of them cannot be metered. */
export const METERED_FIELDS: readonly string[] = [
  'model',
  'messages',
  'prompt',
  'input',
  'n',
  'best_of',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'stream',
];
const METERED: ReadonlySet<string> = new Set(METERED_FIELDS.map(foldField));

/** A route names a backend by id or by name, so no name may look like an id. */
function isName(name: string): boolean {
  return NAME.test(name) && parseId('bkd', name) === undefined;
}

function areTimeouts(timeouts: BackendTimeouts): boolean {
  const { connectMs, firstByteMs, idleMs } = timeouts;
  return [connectMs, firstByteMs, idleMs].every((ms) => Number.isInteger(ms) && ms >= 1 && ms <= TIMEOUT_MS_MAX);
}

function areDropFields(fields: readonly string[]): boolean {
  return (
    fields.length <= DROP_FIELDS_MAX && fields.every((field) => FIELD.test(field) && !METERED_FIELDS.includes(field))
  );
}

/**
 * A field, or a member of one, that an operator vouches for. It cannot be one that decides the cost or is another name
 * for what does: not even an operator lets those through, or the budgets would no longer hold.
 */
function isAllowable(path: string): boolean {
  const steps = path.split('.');
  const wellFormed = steps.length <= 2 && steps.every((step) => FIELD.test(step));
  return wellFormed && !steps.some((step) => isNeverField(step) || METERED.has(foldField(step)));
}

/** Sorted and each once; undefined where nothing is named, as in records that know no such list. */
function listOf(names: readonly string[] = []): readonly string[] | undefined {
  return names.length === 0 ? undefined : [...new Set(names)].sort();
}

/**
 * What one command would make of a backend, checked, with URL and lists in their one form.
 * @param isDeclared whether the command names the URL: one on record stays as it is, whatever is thought of it now.
 */
function checked(wanted: Backend, isDeclared: boolean): { ok: true; backend: Backend } | ReturnType<typeof no> {
  if (!isName(wanted.name))
    return no('invalid_name', 'A name has 1 to 64 lowercase letters, digits, dots, hyphens and underscores.');
  const parsed = isDeclared ? parseBaseUrl(wanted.baseUrl) : { ok: true as const, baseUrl: wanted.baseUrl };
  if (!parsed.ok) return no('invalid_base_url', parsed.message);
  const { baseUrl } = parsed;
  if (!areTimeouts(wanted.timeouts))
    return no('invalid_timeouts', `Timeouts are whole milliseconds from 1 to ${TIMEOUT_MS_MAX}.`);
  if (!areDropFields(wanted.dropFields))
    return no(
      'invalid_drop_fields',
      `dropFields names at most ${DROP_FIELDS_MAX} fields, and none that decide the cost: ${METERED_FIELDS.join(', ')}.`,
    );
  const { allowFields: fields = [], allowBetas: betas = [], ...rest } = wanted;
  if (fields.length > LIST_MAX || !fields.every(isAllowable))
    return no(
      'invalid_allow_fields',
      `allowFields names at most ${LIST_MAX} fields or members such as thinking.budget, and none that decide cost, caps, hosts or keys: those never pass.`,
    );
  if (betas.length > LIST_MAX || !betas.every((beta) => BETA.test(beta)))
    return no('invalid_allow_betas', `allowBetas names at most ${LIST_MAX} values of anthropic-beta.`);
  const allowFields = listOf(fields);
  const allowBetas = listOf(betas);
  return {
    ok: true,
    backend: {
      ...rest,
      baseUrl,
      dropFields: [...new Set(wanted.dropFields)].sort(),
      ...(allowFields === undefined ? {} : { allowFields }),
      ...(allowBetas === undefined ? {} : { allowBetas }),
    },
  };
}

/** An event leaves out what is decided call by call. */
function capFieldOf(choice: OutputCapChoice = 'auto'): Pick<Backend, 'outputCapField'> {
  return choice === 'auto' ? {} : { outputCapField: choice };
}

/** Of two backends with one name, only the other one takes it. */
function nameTaken({ id, name }: Backend, state: CatalogueState): boolean {
  const other = findBackendByName(state, name);
  return other !== undefined && other.id !== id;
}

const taken = (name: string) => no('name_taken', `Another backend is called ${name}: choose another name.`);

export function decideRegisterBackend(command: RegisterBackend, state: CatalogueState): CatalogueDecision {
  const { id, name, kind, credential } = command;
  const simulated = kind === 'simulator';
  const result = checked(
    {
      id,
      name,
      kind,
      baseUrl: command.baseUrl ?? (simulated ? SIMULATOR_URL : ''),
      ...(credential === undefined ? {} : { credential }),
      timeouts: { ...DEFAULT_TIMEOUTS, ...command.timeouts },
      ...capFieldOf(command.outputCapField),
      streamUsage: command.streamUsage ?? true,
      dropFields: command.dropFields ?? [],
      allowFields: command.allowFields ?? [],
      allowBetas: command.allowBetas ?? [],
      unbilledServerErrors: command.unbilledServerErrors ?? simulated,
      unbilledOverload: command.unbilledOverload ?? command.unbilledServerErrors ?? true,
    },
    command.baseUrl !== undefined || !simulated,
  );
  if (!result.ok) return result;
  const { backend } = result;
  const existing = state.backends.get(id);
  if (existing !== undefined && canonicalJson(settingsOf(existing)) === canonicalJson(backend)) return accepted();
  if (existing !== undefined || state.removedBackends.has(id))
    return no('backend_exists', 'Another backend has or had this id: register under a new one.');
  if (nameTaken(backend, state)) return taken(name);
  return accepted({ type: 'BackendRegistered', data: { backend } });
}

/** What commands set; what an operator decided for the moment is no setting. */
function settingsOf({ service: _service, ...settings }: Backend): Backend {
  return settings;
}

export function decideChangeBackend(command: ChangeBackend, state: CatalogueState): CatalogueDecision {
  const before = state.backends.get(command.id);
  if (before === undefined) return no('backend_not_found', 'There is no such backend.');
  const { type: _type, credential: credentialChange, timeouts, outputCapField: choice, ...changes } = command;
  const { credential: credentialBefore, service: _service, outputCapField: capBefore, ...rest } = before;
  const credential = credentialChange === undefined ? credentialBefore : (credentialChange ?? undefined);
  const result = checked(
    {
      ...rest,
      ...changes,
      ...capFieldOf(choice ?? capBefore),
      ...(credential === undefined ? {} : { credential }),
      timeouts: { ...before.timeouts, ...timeouts },
      // Whoever says what a server error costs means an overload, too, unless it is named beside it.
      ...(changes.unbilledServerErrors !== undefined && changes.unbilledOverload === undefined
        ? { unbilledOverload: changes.unbilledServerErrors }
        : {}),
    },
    command.baseUrl !== undefined,
  );
  if (!result.ok) return result;
  const { backend } = result;
  if (canonicalJson(settingsOf(before)) === canonicalJson(backend)) return accepted();
  if (nameTaken(backend, state)) return taken(backend.name);
  // Its giver meant it for whoever answers at that origin: elsewhere it would be a secret in a stranger's hands.
  if (credentialChange === undefined && credentialBefore !== undefined && originOf(backend) !== originOf(before))
    return no(
      'credential_needed',
      'The stored credential is not sent to another origin than it was given for: send apiKey with the new baseUrl, or null to go without.',
    );
  return accepted({ type: 'BackendChanged', data: { backend } });
}

/** Scheme, host and port. */
function originOf({ baseUrl }: Backend): string {
  return new URL(baseUrl).origin;
}

const REASON_CHARACTERS_MAX = 500;

export function decideSetBackendService(command: SetBackendService, state: CatalogueState): CatalogueDecision {
  const { id: backendId, service } = command;
  const before = state.backends.get(backendId);
  if (before === undefined) return no('backend_not_found', 'There is no such backend.');
  const reason = command.reason.trim();
  if (reason === '' || reason.length > REASON_CHARACTERS_MAX || !reason.isWellFormed())
    return no('invalid_reason', `Say why in 1 to ${REASON_CHARACTERS_MAX} characters.`);
  if ((before.service ?? 'in-service') === service) return accepted();
  return accepted({ type: 'BackendServiceSet', data: { backendId, service, reason } });
}

const NAMED_MODELS_MAX = 10;

export function decideRemoveBackend({ id }: RemoveBackend, state: CatalogueState): CatalogueDecision {
  if (state.removedBackends.has(id)) return accepted();
  if (!state.backends.has(id)) return no('backend_not_found', 'There is no such backend.');
  const users = state.models.filter((model) => model.routes.some((route) => route.backendId === id));
  if (users.size > 0) {
    const models = users.keySeq().take(NAMED_MODELS_MAX).toArray();
    return no('backend_in_use', 'Models still route to this backend: give them other routes, or retire them.', {
      models,
    });
  }
  return accepted({ type: 'BackendRemoved', data: { backendId: id } });
}

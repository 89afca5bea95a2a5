import type { GatewayEvent } from '#cluster';
import type { AccessEvent, ClaimEvent, CommandKeyEvent, InstallationEvent, SecurityEvent } from '#control';
import type { ApiKeyEvent, OrganizationEvent, SlugEvent, SystemTokenEvent } from '#identity';
import type { CatalogueEvent } from '#inference/catalogue';
import type { LedgerEvent } from '#ledger';

/** What each event says, for docs/events.md. An event type without its sentence does not compile. */

export const PREFACE = `# Events

Every fact that the platform records, with the shape in which it is stored. This file is written from the codecs by
\`UPDATE_DOCS=1 npx jest test/docs/events.spec.ts\`, and the same spec fails when it no longer says what the code does.

An event is stored as one canonical JSON text (RFC 8785) of at most 60,000 bytes:

| field | meaning |
|---|---|
| \`id\` | UUID, version 7 |
| \`type\`, \`v\` | the event's name, which never changes, and the version of the shape of its data |
| \`at\` | when it was recorded: RFC 3339, UTC, milliseconds |
| \`actor\` | who did it: \`{type, id}\` of a \`system\`, \`member\`, \`service-account\` or \`api-key\` |
| \`token\` | the token with which a person or automation commanded it; absent where none was used |
| \`org\` | the organization that it belongs to; absent for the platform's own |
| \`request\` | the request that caused it; of a call, the call's id |
| \`correlation\`, \`causation\` | the client's own request id; the keyed command that caused it |
| \`data\` | as below |
| \`personal\` | personal data, encrypted under a key of its subject; no event has any yet |

Stream, revision (its place in the stream, from 0) and position (its place among all events, from 1) are the store's.
In the shapes below \`decimal\` is an integer written as a decimal string (money in nano-USD, 10⁻⁹ USD; amounts of
budgets in the budget's unit), \`integer\` and \`count\` are whole JSON numbers, moments are \`integer\`s of milliseconds
since 1970, and \`?\` marks what may be absent.
`;

export const LEDGER: Readonly<Record<LedgerEvent['type'], string>> = {
  BudgetDefined: 'A budget counts from now on.',
  BudgetChanged: 'A budget as it is from now on; what was counted stays counted.',
  BudgetEnded: 'A budget counts no further call.',
  BudgetPeriodOpened: 'The first call of a period fixed its bounds: all calls use these until it ends.',
  BudgetThresholdReached: 'Settled and unresolved amounts reached a percentage of the limit, once per period.',
  BudgetExceeded: 'A call went beyond a budget that warns or notifies, the first time in a period.',
  LimitsSet: 'The whole set of rate limits of a key or of the organization; what is absent is not limited.',
  SubjectBarred: 'From here on no call of this organization, project, key or owner of keys is admitted.',
  SubjectUnbarred: 'A bar was lifted.',
  ProjectAssigned: 'Calls of this project count in the budgets of this team from now on; without a team, in none.',
  InferenceAuthorized: 'A call was admitted, and its ceiling is held. Durable before a backend is asked.',
  InferenceCompleted: 'A call ended and was charged. Durable before the last byte of its answer.',
  InferenceFailed: 'A backend failed: free of charge where it never bills that, else unresolved at the ceiling.',
  InferenceReleased: 'A call came to nothing that anybody bills: its whole hold is given back.',
  InferenceUnresolved: 'Nobody knows what a call cost: its whole hold counts until somebody resolves it.',
  InferenceResolved: 'Somebody said what an unresolved call cost.',
  InferenceCorrected:
    'How a call was resolved turned out wrong: what it cost instead, and what budgets of its period change by.',
  UnresolvedPolicySet: 'What becomes of unresolved calls that nobody resolves, and when.',
  InferenceRefused: 'A call was not admitted: the first of its key, code and model in ten seconds.',
  RefusalsCounted: 'Further refusals of the same key, code and model within a window.',
  LedgerTimeCorrected:
    'What was recorded last was written by a clock that was far ahead: ledger time goes back, because an operator said so.',
  CarryRecorded:
    "A part of the ledger's own state, so that loading need not read everything. It accelerates and is never a source.",
};

export const ORGANIZATION: Readonly<Record<OrganizationEvent['type'], string>> = {
  OrganizationRegistered: 'An organization exists.',
  OrganizationProfileChanged: 'The whole profile as it is from now on.',
  OrganizationSuspended: 'No call is admitted until it is resumed.',
  OrganizationResumed: 'A suspension ended.',
  OrganizationClosed: 'It is closed for good.',
  ProjectCreated: 'A project exists.',
  ProjectRenamed: 'A project has another name.',
  ProjectAssigned: 'A project belongs to this team, or without one to none.',
  ProjectArchived: 'A project is archived for good.',
  TeamCreated: 'A team exists.',
  TeamRenamed: 'A team has another name.',
  ServiceAccountCreated: 'A service account exists.',
  ServiceAccountChanged: 'Name and roles as they are from now on.',
  ServiceAccountDisabled: 'A service account is disabled for good.',
  GrantedModelsSet: 'The whole list of models that it may use beyond those that are open to all.',
  ResponseCacheSet:
    'How long answers are reused, what a reuse costs in percent, and by whom; absent: they are not reused.',
  AnswersStorageSet: 'Whether answers may be kept, encrypted, for repeated requests.',
};

export const SLUG: Readonly<Record<SlugEvent['type'], string>> = {
  SlugReserved: 'A slug is held for an organization that is about to register.',
};

export const API_KEY: Readonly<Record<ApiKeyEvent['type'], string>> = {
  ApiKeyIssued: 'A key exists. Of its secret only the SHA-256 is stored.',
  ApiKeyChanged: 'All that may change of a key, as it is from now on.',
  ApiKeyRotated: 'A key has another secret; the one before works until the grace ends.',
  ApiKeyRevoked: 'A key is revoked for good. Its bar in the ledger was recorded before.',
};

export const SYSTEM_TOKEN: Readonly<Record<SystemTokenEvent['type'], string>> = {
  SystemTokenIssued: 'A token for `/admin/v1` exists.',
  SystemTokenRotated: 'A token has another secret; the one before works until the grace ends.',
  SystemTokenRevoked: 'A token is revoked for good.',
};

export const CATALOGUE: Readonly<Record<CatalogueEvent['type'], string>> = {
  BackendRegistered: 'A backend exists. Its credential is encrypted.',
  BackendChanged: 'The whole backend as it is from now on.',
  BackendServiceSet: 'An operator took a backend out of the way of calls, or back in.',
  BackendRemoved: 'A backend is gone.',
  ModelRegistered: 'A model exists; without prices it cannot be called.',
  ModelChanged: 'All settings of a model as they are from now on.',
  ModelRetired: 'A model is called no more; its prices stay on record.',
  PricesWithdrawn: 'A version of prices that was to begin later never does.',
  PricesSet: 'A version of prices, in nano-USD per million tokens.',
  BoundsDeclared: 'What bounds the tokens of one call; ends a withdrawal.',
  BoundWithdrawn: 'A call cost more than it held: calls of this model hold the whole context from now on.',
  ModelStopped:
    'A backend generated more than the cap of a call of this key, or the key exceeded again what it held; without a key, several of an organization did.',
  ModelStopLifted: 'A key, or an organization, may call a model again.',
  RouteClosed:
    'Calls of several organizations exceeded what they held: nothing goes there until an operator declares bounds.',
  RouteReopened: 'An operator opened a closed route.',
};

export const SECURITY: Readonly<Record<SecurityEvent['type'], string>> = {
  AuthenticationFailuresCounted: 'Credentials that were turned away in one window, by network of origin and reason.',
};

export const ACCESS: Readonly<Record<AccessEvent['type'], string>> = {
  AccessesCounted:
    'What tokens did in one window that leaves no event by itself: `read` of an organization that is not the token’s own, a `refused` command or read, an `operation` that changes no fact, such as building a view anew.',
};

export const INSTALLATION: Readonly<Record<InstallationEvent['type'], string>> = {
  InstallationFounded: 'Which record this is, and fingerprints of the key store and the master key that belong to it.',
  KeysReplaced:
    'From here on other keys belong to it: the master key was `rotated`, or an operator has `accepted` others because its own were lost.',
};

export const COMMAND_KEY: Readonly<Record<CommandKeyEvent['type'], string>> = {
  CommandKeyClaimed: 'A command with an Idempotency-Key is about to record something.',
  CommandAnswered: 'A part of its sealed answer, for whoever repeats it.',
};

export const CLAIM: Readonly<Record<ClaimEvent['type'], string>> = {
  ClaimTaken:
    'Where several processes share one record, this one alone changes the subject now. One that dies meanwhile is taken over from.',
  ClaimReleased: 'It has recorded whatever it changed.',
};

export const GATEWAY: Readonly<Record<GatewayEvent['type'], string>> = {
  GatewayStarted: 'A process serves calls from now on, where several share one record.',
  GatewayBeat: 'It lives: a process that is not heard of for a lease (15 s) counts as dead. Only the newest are kept.',
  GatewayStopped: 'It stopped in good order; whatever it still held is orphaned.',
};

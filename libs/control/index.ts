export { ACCESS_STREAM_PREFIX, type AccessEvent, accessCodec } from './access';
export type { Versioned } from './aggregate';
export type { AuthenticatedKey, KeyRejection, KeyVerdict, Principal } from './authentication';
export { BACKEND_CREDENTIAL_RULE, isBackendCredential } from './backend-credentials';
export type { CallableModel, ModelCaller } from './callable-models';
export { CLAIM_STREAM_PREFIX, type ClaimEvent, claimCodec } from './claims';
export type { Cluster } from './cluster';
export * from './command-context';
export * from './command-keys';
export type { KeyExecuted, KeyIssued, KeyWanted } from './commands/api-key-commands';
export type { CatalogueExecuted, OpenBackendChanges, OpenBackendSettings } from './commands/catalogue-commands';
export type { LedgerChange, LedgerChanged } from './commands/ledger-commands';
export type { LedgerEdit, LedgerEdited } from './commands/ledger-edits';
export type { OrganizationChange, OrganizationExecuted } from './commands/organization-commands';
export {
  type KnownSystemToken,
  SYSTEM_ADMINISTRATOR,
  type SystemTokenExecuted,
  type SystemTokenWanted,
  type SystemTokenWithSecret,
} from './commands/system-token-commands';
export { applyConfigurationFile, ConfigurationFileError, readConfigurationFile } from './configuration-file';
export * from './control-plane';
export {
  DEMO_MODELS,
  DEMO_SLUG,
  type FirstRun,
  FirstRunError,
  type FirstRunFile,
  firstRun,
} from './first-run';
export { firstRunFile } from './first-run-file';
export {
  type HoldingOptions,
  holdToInstallation,
  INSTALLATION_STREAM,
  type InstallationEvent,
  installationCodec,
  type LocalKeys,
  OtherInstallationError,
  type RecordId,
} from './installation';
export type { ControlRefusal, ControlRefusalCode } from './refusals';
export * from './security';
export { ControlUnavailableError, type Executed } from './warm-aggregates';

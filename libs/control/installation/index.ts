export { INSTALLATION_STREAM, type InstallationEvent, installationCodec, type RecordId } from './events';
export * from './hold-to-installation';

export * from './configuration';
export { SETTINGS, type SettingName } from './settings';

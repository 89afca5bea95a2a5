export * from './configuration';
export { OPERATIONS_ROUTES, type OperationsRoute, SETTINGS, type SettingName } from './settings';

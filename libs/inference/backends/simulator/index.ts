export type { SimulatorSettings, SimulatorSettingsInput } from './settings';
export * from './simulator-backend';
export * from './tokens';

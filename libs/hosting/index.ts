export type { EngineKit, Engines } from './engines';
export { type ProcessOptions, runProcess } from './run-process';

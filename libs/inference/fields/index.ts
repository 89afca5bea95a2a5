export * from './allowed-fields';
export * from './field-table';
export * from './never-fields';

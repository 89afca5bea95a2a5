export { addressSource } from './address-source';
export * from './authentication-failures';
export * from './events';

export { networkOfAddress } from './client-network';
export * from './request-rates';

export { GATEWAY_READY_MS_MAX, type GatewayOptions, GatewayProcess } from './gateway-process';
export { type StoreServer, startStoreServer } from './store-server';

export { GATEWAY_READY_MS_MAX, type GatewayOptions, GatewayProcess } from './gateway-process';
export { SERVER_COMMAND_VARIABLE, type StoreServer, startStoreServer } from './store-server';

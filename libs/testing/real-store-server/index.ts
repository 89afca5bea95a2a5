export { RealStoreServer, SERVER_COMMAND_VARIABLE, serverCommandOf } from './real-store-server';

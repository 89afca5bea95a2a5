export * from './command-keys';
export { COMMAND_KEY_STREAM_PREFIX, type CommandKeyEvent, commandKeyCodec } from './events';

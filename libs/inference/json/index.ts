export * from './client-body';
export { JsonDocument } from './document';
export * from './object';
export { writeAnew, writeEdited } from './write';

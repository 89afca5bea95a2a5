export * from './client-body';
export { JsonDocument } from './document';
export * from './object';
export { joinObjects, textWithin, writeAnew, writeEdited } from './write';

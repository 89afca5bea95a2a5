export * from './client-body';
export { JsonDocument } from './document';
export * from './object';
export { joinObjects, onOneLine, textWithin, writeAnew, writeEdited } from './write';

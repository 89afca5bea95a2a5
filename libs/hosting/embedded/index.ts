export { embedded, openEmbeddedEngines } from './embedded-engines';

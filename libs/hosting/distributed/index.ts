export { distributed, openDistributedEngines } from './distributed-engines';

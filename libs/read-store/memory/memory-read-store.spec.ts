import { readStoreContract } from '../contract';
import { MemoryReadStore } from './memory-read-store';

readStoreContract('MemoryReadStore', async () => ({ store: new MemoryReadStore() }));

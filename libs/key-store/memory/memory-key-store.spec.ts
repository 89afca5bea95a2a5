import { keyStoreContract } from '../contract';
import { MemoryKeyStore } from './memory-key-store';

keyStoreContract('MemoryKeyStore', async () => ({ store: new MemoryKeyStore() }));

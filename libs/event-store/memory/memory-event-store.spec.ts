import { eventStoreContract } from '../contract';
import { MemoryEventStore } from './memory-event-store';

eventStoreContract('MemoryEventStore', async () => ({ store: new MemoryEventStore() }));

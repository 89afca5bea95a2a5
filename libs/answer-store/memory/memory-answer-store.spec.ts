import { answerStoreContract } from '../contract';
import { MemoryAnswerStore } from '.';

answerStoreContract('memory', async () => ({ store: new MemoryAnswerStore() }));

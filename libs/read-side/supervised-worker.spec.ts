import { EventEmitter } from 'node:events';
import { REQUEST_MS_MAX, SupervisedWorker } from './supervised-worker';

/** A thread that answers when it is told to. */
class FakeWorker extends EventEmitter {
  static newest: FakeWorker | undefined;
  readonly received: { readonly id: number }[] = [];

  constructor() {
    super();
    FakeWorker.newest = this;
    // Not a timer's microtask, for time stands still here.
    void Promise.resolve().then(() => this.emit('message', { type: 'opened', recreated: false, progress: [] }));
  }

  postMessage(message: { readonly id: number }): void {
    this.received.push(message);
  }

  answerNext(): void {
    this.emit('message', { type: 'answer', id: this.received.shift()?.id, answer: 'answered' });
  }

  async terminate(): Promise<void> {
    this.emit('exit', 1);
  }
}

jest.mock('node:worker_threads', () => ({
  get Worker() {
    return FakeWorker;
  },
}));

describe('a supervised worker', () => {
  const crashes: string[] = [];
  let supervised: SupervisedWorker;

  beforeEach(async () => {
    jest.useFakeTimers();
    crashes.length = 0;
    supervised = new SupervisedWorker({
      role: { role: 'query', path: 'nowhere' },
      onMessage: () => undefined,
      onCrash: (message) => crashes.push(message),
    });
    await supervised.open();
  });
  afterEach(() => jest.useRealTimers());

  const ask = () =>
    supervised.ask({ type: 'query', name: 'watermark', params: {} }).catch(({ code }: { code: string }) => code);

  it('lets a long line of requests wait, as long as one after the other is answered', async () => {
    const asked = Array.from({ length: 5 }, ask);
    for (let answered = 0; answered < 5; answered += 1) {
      jest.advanceTimersByTime(REQUEST_MS_MAX - 1);
      FakeWorker.newest?.answerNext();
    }
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 5 }, () => 'answered'));
    jest.advanceTimersByTime(REQUEST_MS_MAX * 2);
    expect(crashes).toEqual([]);
  });

  it('ends a thread that answers nothing, refuses what waited for it, and starts another one', async () => {
    const first = FakeWorker.newest;
    const asked = [ask(), ask()];
    jest.advanceTimersByTime(REQUEST_MS_MAX);
    expect(await Promise.all(asked)).toEqual(['query_interrupted', 'query_interrupted']);
    expect(crashes).toHaveLength(1);
    expect(await ask()).toBe('query_interrupted');
    jest.advanceTimersByTime(1_000);
    expect(FakeWorker.newest).not.toBe(first);
    const again = ask();
    FakeWorker.newest?.answerNext();
    expect(await again).toBe('answered');
  });
});

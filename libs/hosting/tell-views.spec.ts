import { pollForViews } from './tell-views';

/** A store whose end is told by the test, and the views as somebody who waits for a poke. */
class Stage {
  last = 0n;
  failure: Error | undefined;
  asked = 0;
  readonly poked: bigint[] = [];
  #wake: (() => void) | undefined;

  readonly store = {
    lastPosition: async () => {
      this.asked += 1;
      this.#wake?.();
      if (this.failure !== undefined) throw this.failure;
      return this.last;
    },
  };
  readonly views = {
    poke: (position: bigint) => {
      this.poked.push(position);
      this.#wake?.();
    },
  };

  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}

describe('the views of a shared record', () => {
  it('are told when it has grown, whoever wrote, and left alone while it has not', async () => {
    const stage = new Stage();
    const telling = pollForViews(stage.store, stage.views, 1);
    stage.last = 733n;
    await stage.until(() => stage.poked.length === 1);
    const { asked } = stage;
    await stage.until(() => stage.asked > asked + 3);
    stage.last = 900n;
    await stage.until(() => stage.poked.length === 2);
    await telling.close();

    expect(stage.poked).toEqual([733n, 900n]);
  });

  it('are told when it has become shorter: it was restored, and reading on is how they notice', async () => {
    const stage = new Stage();
    stage.last = 900n;
    const telling = pollForViews(stage.store, stage.views, 1);
    await stage.until(() => stage.poked.length === 1);
    stage.last = 733n;
    await stage.until(() => stage.poked.length === 2);
    await telling.close();

    expect(stage.poked).toEqual([900n, 733n]);
  });

  it('are told again once a record that was away answers', async () => {
    const stage = new Stage();
    stage.failure = new Error('the store is away');
    const telling = pollForViews(stage.store, stage.views, 1);
    await stage.until(() => stage.asked > 3);
    stage.failure = undefined;
    stage.last = 733n;
    await stage.until(() => stage.poked.length === 1);
    await telling.close();

    const { asked } = stage;
    await new Promise((resolve) => setImmediate(resolve));
    expect([stage.poked, stage.asked]).toEqual([[733n], asked]);
  });
});

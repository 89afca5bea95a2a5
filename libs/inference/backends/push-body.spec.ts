import { receive } from './contract';
import { LEFTOVER_BYTES_MAX, LEFTOVER_MS_MAX } from './port';
import { BODY_WAITING_BYTES_MAX, type BodySource, PushBody } from './push-body';

function started() {
  const asked: string[] = [];
  const source: BodySource = {
    pause: () => asked.push('pause'),
    resume: () => asked.push('resume'),
    abort: () => asked.push('abort'),
  };
  const timeouts = { connectMs: 1_000, firstByteMs: 1_000, idleMs: 1_000 };
  return { asked, body: new PushBody(source, timeouts, 1_000, () => asked.push('over')) };
}

describe('PushBody', () => {
  it('pauses its source when too much waits for a reader, and resumes it when the reader has come', async () => {
    const { asked, body } = started();
    const chunk = Buffer.alloc(BODY_WAITING_BYTES_MAX / 2, 'x');
    body.push(chunk);
    expect(asked).toEqual([]);
    body.push(chunk);
    expect(asked).toEqual(['pause']);
    const received = receive(body);
    expect(asked).toEqual(['pause', 'resume']);
    body.finish();
    expect((await received).text).toHaveLength(BODY_WAITING_BYTES_MAX);
    expect(asked).toEqual(['pause', 'resume', 'over']);
  });

  it('keeps the order of what waits, and delivers the end last', async () => {
    const { body } = started();
    for (const text of ['a', 'b']) body.push(Buffer.from(text));
    body.fail({ kind: 'connection-lost', reason: 'x' });
    expect(await receive(body)).toEqual({ text: 'ab', failure: { kind: 'connection-lost', reason: 'x' } });
  });

  it('takes nothing after its end', async () => {
    const { body } = started();
    body.finish();
    body.push(Buffer.from('late'));
    body.fail({ kind: 'connection-lost', reason: 'late' });
    expect(await receive(body)).toEqual({ text: '', failure: undefined });
  });

  it('can be cancelled while the end waits behind a paused reader', async () => {
    const { asked, body } = started();
    const received = receive(body, () => false);
    for (const text of ['a', 'b']) body.push(Buffer.from(text));
    body.finish();
    body.cancel();
    expect(await received).toEqual({ text: 'a', failure: { kind: 'aborted' } });
    expect(asked).toEqual(['pause', 'over']);
  });

  it('drops what comes after it was released, and waits for the end of its source', async () => {
    const { asked, body } = started();
    const heard: string[] = [];
    body.pipe({
      onChunk: (chunk) => heard.push(Buffer.from(chunk).toString()) > 0,
      onEnd: () => heard.push('end'),
      onFailure: () => heard.push('failure'),
    });
    body.push(Buffer.from('all'));
    body.release();
    body.push(Buffer.alloc(LEFTOVER_BYTES_MAX, 'x'));
    expect(asked).toEqual([]);
    body.finish();
    expect(asked).toEqual(['over']);
    expect(heard).toEqual(['all']);
  });

  it('aborts a source that brings much more after it was released', () => {
    const { asked, body } = started();
    body.pipe({ onChunk: () => true, onEnd: () => undefined, onFailure: () => undefined });
    body.release();
    body.push(Buffer.alloc(LEFTOVER_BYTES_MAX + 1, 'x'));
    expect(asked).toEqual(['over', 'abort']);
  });

  it('aborts a source that does not end after it was released', () => {
    jest.useFakeTimers();
    const { asked, body } = started();
    body.pipe({ onChunk: () => true, onEnd: () => undefined, onFailure: () => undefined });
    body.release();
    jest.advanceTimersByTime(LEFTOVER_MS_MAX - 1);
    body.push(Buffer.from(': a sign of life'));
    expect(asked).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(asked).toEqual(['over', 'abort']);
    jest.useRealTimers();
  });

  it('lets a paused source go on when it is released', () => {
    const { asked, body } = started();
    body.pipe({ onChunk: () => false, onEnd: () => undefined, onFailure: () => undefined });
    body.push(Buffer.from('a'));
    body.release();
    expect(asked).toEqual(['pause', 'resume']);
    body.finish();
    expect(asked).toEqual(['pause', 'resume', 'over']);
  });

  it('is piped once', async () => {
    const { body } = started();
    body.finish();
    await receive(body);
    await expect(receive(body)).rejects.toThrow('only once');
  });
});

import { receive } from './contract';
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

  it('is piped once', async () => {
    const { body } = started();
    body.finish();
    await receive(body);
    await expect(receive(body)).rejects.toThrow('only once');
  });
});

import type { ServerResponse } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { errorAnswer } from './answers';
import type { Frames } from './frames';
import type { MockPlan } from './plan';

const GARBAGE = '{not what was asked for';
const PAGE = '<html><body>Not what was asked for.</body></html>\n\n';

/** Waits until somebody lets the paused calls go on. */
export type Pause = () => Promise<void>;

/** Plays one plan on one response. */
export class Player {
  constructor(
    private readonly response: ServerResponse,
    private readonly plan: MockPlan,
    private readonly pause: Pause,
  ) {}

  /** Everything before the first byte. @returns whether an answer is to follow. */
  async open(): Promise<boolean> {
    const { plan, response } = this;
    if (plan.firstByteMs > 0) await setTimeout(plan.firstByteMs);
    if (plan.pauseAfter === 0) await this.pause();
    if (plan.ending === 'reset') {
      response.socket?.resetAndDestroy();
      return false;
    }
    if (plan.requestId !== '') response.setHeader('x-request-id', plan.requestId);
    // What a real backend sends and what must never reach a client.
    response.setHeader('openai-organization', 'upstream-organization');
    response.setHeader('x-ratelimit-remaining-requests', '7');
    response.setHeader('set-cookie', 'upstream-cookie=1');
    if (plan.status === 200) return true;
    if (plan.retryAfter !== '') response.setHeader('retry-after', plan.retryAfter);
    response.writeHead(plan.status, { 'content-type': 'application/json' }).end(errorAnswer(plan));
    return false;
  }

  answer(text: string): void {
    const { response, plan } = this;
    response.setHeader('content-type', 'application/json');
    switch (plan.ending) {
      case 'garbage':
        response.end(GARBAGE);
        return;
      case 'page':
        response.end(PAGE);
        return;
      case 'half-frame':
        response.end(text.slice(0, text.length / 2));
        return;
      case 'error-frame':
        response.end(errorAnswer({ ...plan, status: 500 }));
        return;
      case 'cut':
      case 'cut-in-frame':
      case 'no-done':
        response.setHeader('content-length', Buffer.byteLength(text));
        response.write(text.slice(0, text.length / 2), () => response.socket?.destroy());
        return;
      default:
        response.setHeader('content-length', Buffer.byteLength(text));
        response.end(text);
    }
  }

  async stream({ content, closing }: Frames): Promise<void> {
    const { plan } = this;
    this.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const isCut = plan.ending !== 'complete' && plan.ending !== 'no-done';
    const frames = isCut ? content.slice(0, plan.endAfter) : content;
    for (const [index, frame] of frames.entries()) {
      if (this.response.destroyed) return;
      if (index > 0 && index === plan.pauseAfter) await this.pause();
      await this.write(frame);
    }
    if (plan.pauseAfter > 0 && plan.pauseAfter >= frames.length) await this.pause();
    this.endStream(content[0] ?? '', closing);
  }

  private endStream(next: string, closing: readonly string[]): void {
    const { response, plan } = this;
    const cut = () => response.socket?.destroy();
    switch (plan.ending) {
      case 'complete':
        response.end(closing.join(''));
        break;
      case 'no-done':
        response.write(closing.slice(0, -1).join(''), cut);
        break;
      case 'cut-in-frame':
        response.write(next.slice(0, next.length / 2), cut);
        break;
      case 'half-frame':
        response.end(next.slice(0, next.length / 2));
        break;
      case 'error-frame':
        response.end(`data: ${errorAnswer({ ...plan, status: 500 })}\n\n`);
        break;
      case 'garbage':
        response.end(`data: ${GARBAGE}\n\n`);
        break;
      case 'page':
        response.end(PAGE);
        break;
      case 'cut':
      case 'reset':
        // What was written must have left, or the reader would see nothing of it.
        response.write(': \n\n', cut);
        break;
    }
  }

  private async write(frame: string): Promise<void> {
    const { delayMs } = this.plan;
    const flows = this.response.write(frame);
    if (delayMs > 0) await setTimeout(delayMs);
    else if (delayMs === 0) await setImmediate();
    if (flows || this.response.destroyed) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        this.response.off('drain', go).off('close', go);
        resolve();
      };
      this.response.on('drain', go).on('close', go);
    });
  }
}

import { isJsonObject } from '#inference';
import { ERROR_BODY_BYTES_MAX, type UpstreamTrouble } from '#inference/backends';
import { backendErrorOf } from '#inference/openai';

type ForeignTrouble = Extract<UpstreamTrouble, { kind: 'garbage' | 'backend-error' }>;

const NOT_A_STREAM: ForeignTrouble = { kind: 'garbage', reason: 'not-a-stream' };

/**
 * What came in place of a stream. Some backends answer 200 with an error's JSON, which says more than that it is no
 * stream; of anything else no more needs to be read.
 */
export class ForeignBody {
  private readonly chunks: Uint8Array[] = [];
  private bytes = 0;

  /** Answers whether more of it is worth reading. */
  push(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    return this.bytes <= ERROR_BODY_BYTES_MAX && this.text().trimStart().startsWith('{');
  }

  trouble(): ForeignTrouble {
    const value = this.parsed();
    const error = isJsonObject(value) ? backendErrorOf(value) : undefined;
    return error === undefined ? NOT_A_STREAM : { kind: 'backend-error', error };
  }

  private parsed(): unknown {
    try {
      return JSON.parse(this.text());
    } catch {
      return undefined; // A page, or the beginning of something large.
    }
  }

  private text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}

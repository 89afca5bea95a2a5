/** What the usage of an answer looks like. */
export type MockUsage = 'reported' | 'none' | 'negative' | 'cached-above-prompt';

/** How an answer ends. */
export type MockEnding =
  | 'complete'
  /** Everything was said, but neither `[DONE]` nor an end of the body's chunks: the connection is destroyed. */
  | 'no-done'
  /** The connection is destroyed between two frames; of an unstreamed answer, in its middle. */
  | 'cut'
  /** The connection is destroyed inside a frame. */
  | 'cut-in-frame'
  /** Half a frame and then a clean end of the body. */
  | 'half-frame'
  /** One frame with an error instead of the rest. */
  | 'error-frame'
  /** What is no JSON, in a frame where one is expected. */
  | 'garbage'
  /** A page of HTML, as from a proxy in between; of a stream, without any frame. */
  | 'page'
  /** The connection is reset before any header. */
  | 'reset';

/** How one call is answered; every setting has a default, so that a test names only what it is about. */
export interface MockPlan {
  /** 200, or an error of this status in OpenAI's shape. */
  readonly status: number;
  /** Of an error. */
  readonly code: string;
  readonly message: string;
  /** Seconds, of an error. */
  readonly retryAfter: string;
  /** Of the answer's header; none when empty. */
  readonly requestId: string;
  readonly ending: MockEnding;
  /** Content chunks of a stream; an unstreamed answer has the same text in one piece. */
  readonly chunks: number;
  /** The text of each chunk. */
  readonly text: string;
  /** What each chunk is longer by, in bytes. */
  readonly padding: number;
  /** Chunks after which the ending comes, where it is not `complete`. */
  readonly endAfter: number;
  /** Chunks after which the answer waits for `resume()`; 0 is before the headers, negative is never. */
  readonly pauseAfter: number;
  /** Between chunks: negative sends all in one burst, 0 one per turn of the event loop. */
  readonly delayMs: number;
  /** Before the headers. */
  readonly firstByteMs: number;
  readonly usage: MockUsage;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Negative: as many as chunks. Otherwise exactly this, whatever the cap. */
  readonly completionTokens: number;
  /** Frames end in CRLF. */
  readonly crlf: boolean;
  /** Usage rides on the chunk that finishes instead of one of its own. */
  readonly usageOnFinish: boolean;
}

export const DEFAULT_PLAN: MockPlan = {
  status: 200,
  code: '',
  message: 'The mock upstream was told to answer so.',
  retryAfter: '',
  requestId: 'upstream-request',
  ending: 'complete',
  chunks: 3,
  text: 'word ',
  padding: 0,
  endAfter: 1,
  pauseAfter: -1,
  delayMs: -1,
  firstByteMs: 0,
  usage: 'reported',
  promptTokens: 10,
  cachedTokens: 0,
  completionTokens: -1,
  crlf: false,
  usageOnFinish: false,
};

type Setting = MockPlan[keyof MockPlan];

function settingFrom(name: string, text: string, fallback: Setting): Setting {
  switch (typeof fallback) {
    case 'number': {
      const value = Number(text);
      if (!Number.isSafeInteger(value)) throw new Error(`mock upstream: ${name} is a whole number, not ${text}`);
      return value;
    }
    case 'boolean':
      return text === 'true' || text === '1';
    default:
      return text;
  }
}

/**
 * Reads a plan from the name of an upstream model, `anything?chunks=50&usage=none`, so that a route of the catalogue
 * can choose how it is answered. A misspelt setting throws: a test must not pass because of one.
 */
export function planFromModel(model: string): MockPlan {
  const question = model.indexOf('?');
  if (question < 0) return DEFAULT_PLAN;
  const plan: Record<string, Setting> = { ...DEFAULT_PLAN };
  for (const [name, text] of new URLSearchParams(model.slice(question + 1))) {
    const fallback = plan[name];
    if (fallback === undefined) throw new Error(`mock upstream: there is no setting ${name}`);
    plan[name] = settingFrom(name, text, fallback);
  }
  return plan as unknown as MockPlan;
}

/** The upstream model's name that is answered by a plan. */
export function modelFor(plan: Partial<MockPlan>, name = 'mock'): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(plan)) query.set(key, String(value));
  return query.size === 0 ? name : `${name}?${query}`;
}

/** What one chunk says. */
export function chunkText({ text, padding }: MockPlan): string {
  return text + 'x'.repeat(padding);
}

/** One or two words, such as `ping`, `keep-alive` or `OPENROUTER PROCESSING`. */
const WORDS = /^[A-Za-z][A-Za-z _.:-]{0,63}$/;
/** What every piece of an answer begins with. */
const STRUCTURE = /^\s*[[{"]/;
/** Events of the default name: what they carry is the answer itself. */
const UNNAMED: ReadonlySet<string> = new Set(['', 'message']);

/**
 * Whether a frame that is no JSON only shows that its server lives: plain words, or any text under an event's name of
 * its own (`event: ping`). What begins like JSON and is none is a broken piece of an answer, whatever it is called, and
 * so is an error that speaks plain text.
 */
export function isSignOfLife(data: string, event: string): boolean {
  if (event === 'error' || STRUCTURE.test(data)) return false;
  return !UNNAMED.has(event) || WORDS.test(data.trim());
}

const DONE = '[DONE]';

/** The frame that ends a stream of OpenAI's dialect, and by mistake of some proxies others as well. */
export function isDone(data: string): boolean {
  return data.startsWith(DONE) || data.trimStart().startsWith(DONE);
}

import { isJsonObject, type JsonObject, textWithin } from '../json';
import { isUnpricedLifetime, unpricedLifetimeIn } from '../metering/cache-lifetimes';
import type { PromptFacts } from '../metering/facts';
import { NESTING_MAX, TextMeter } from '../metering/text-bytes';

const ROLES: ReadonlySet<unknown> = new Set(['user', 'assistant', 'system']);
const KNOWN_BLOCKS: ReadonlySet<unknown> = new Set([
  'text',
  'image',
  'document',
  'search_result',
  'thinking',
  'redacted_thinking',
  'tool_use',
  'tool_result',
  'tool_reference',
  'tool_addition',
  'tool_removal',
]);
/** Blocks that bring a tool of the request into the prompt once more. */
const TOOL_MENTIONS: ReadonlySet<unknown> = new Set(['tool_reference', 'tool_addition']);

/** What another dialect may write around a tool, a call or its result when it carries them over. */
const WRAPPING_BYTES = 128;

/** How many parts of a tool's result are no text. */
function mediaIn(content: unknown): number {
  return Array.isArray(content) ? content.filter((part) => isJsonObject(part) && part.type !== 'text').length : 0;
}

/** Adds up what a request brings into its prompt, and finds cache entries that cost more than those with a price. */
export class MessagesMeter extends TextMeter {
  #images = 0;
  #files = 0;
  #otherParts = 0;
  #messages = 0;
  #tools = 0;
  #toolBytesMax = 0;
  #toolMentions = 0;
  /** The path of a `cache_control` whose lifetime has no price. */
  unpricedCache: string | undefined;

  system(value: unknown): void {
    this.#messages += 1;
    this.#caches(value, 'system');
    this.#content(value, 2);
  }

  message(message: JsonObject, path: string): void {
    this.#messages += 1;
    this.#caches(message, path);
    for (const key of Object.keys(message)) {
      const value = message[key];
      if (key === 'content') this.#content(value, 3);
      else if (key === 'role' && ROLES.has(value)) continue;
      else this.#member(key, value);
    }
  }

  tools(tools: readonly JsonObject[]): void {
    this.#tools += tools.length;
    for (const [index, tool] of tools.entries()) {
      const before = this.bytes;
      this.bytes += WRAPPING_BYTES;
      this.json(tool, 2);
      this.#toolBytesMax = Math.max(this.#toolBytesMax, this.bytes - before);
      this.#caches(tool, `tools[${index}]`);
    }
  }

  /** An entry that lives an hour costs more to write than the one cache price there is. */
  cacheControl(control: unknown, path: string): void {
    if (isUnpricedLifetime(control)) this.unpricedCache ??= `${path}cache_control.ttl`;
  }

  facts(): PromptFacts {
    return {
      textBytes: this.bytes + this.#toolMentions * this.#toolBytesMax,
      tokenIds: 0,
      messages: this.#messages,
      tools: this.#tools,
      images: this.#images,
      audios: 0,
      files: this.#files,
      otherParts: this.#otherParts,
    };
  }

  #content(content: unknown, depth: number): void {
    if (typeof content === 'string') this.text(content);
    else if (depth > NESTING_MAX) this.fault ??= 'nesting-too-deep';
    else if (Array.isArray(content)) for (const block of content) this.#block(block, depth + 1);
    else if (content !== null && content !== undefined) this.json(content, depth);
  }

  #block(block: unknown, depth: number): void {
    if (!isJsonObject(block)) {
      this.json(block, depth);
      return;
    }
    // Blocks of one turn may be joined by a line break.
    this.bytes += 1;
    if (!KNOWN_BLOCKS.has(block.type)) this.#otherParts += 1;
    if (TOOL_MENTIONS.has(block.type)) this.#toolMentions += 1;
    // Other dialects have a message of its own for the result of each tool.
    if (block.type === 'tool_result') {
      // And one of the user's for what a tool shows beside its text.
      const messages = 1 + mediaIn(block.content);
      this.#messages += messages;
      this.bytes += messages * WRAPPING_BYTES;
    }
    for (const key of Object.keys(block)) {
      const value = block[key];
      if (key === 'type') this.check(value);
      else if (key === 'cache_control') this.check(value, 4);
      else if (key === 'source' && isJsonObject(value)) this.#source(block.type, value, depth + 1);
      else if (key === 'content') this.#content(value, depth + 1);
      else if (key === 'input') this.#input(value);
      else if (typeof value === 'string') this.#string(key, value);
      else if (value !== null) this.#member(key, value);
    }
  }

  #caches(value: unknown, path: string): void {
    this.unpricedCache ??= unpricedLifetimeIn(value, path);
  }

  #string(key: string, value: string): void {
    this.check(key);
    this.text(value);
  }

  /** A document of plain text or of blocks is text; any other source is bounded by what the model declares for it. */
  #source(type: unknown, source: JsonObject, depth: number): void {
    const isTextual = type === 'document' && (source.type === 'text' || source.type === 'content');
    if (isTextual && source.type === 'content') {
      this.#content(source.content, depth + 1);
      return;
    }
    if (isTextual && typeof source.data === 'string') {
      this.text(source.data);
      // Its title may stand on a line above it.
      this.bytes += 1;
      return;
    }
    this.check(source, 3);
    if (type === 'document') this.#files += 1;
    else this.#images += 1;
  }

  /** Other dialects carry arguments as JSON text, white space and all, which a template may escape once more. */
  #input(input: unknown): void {
    this.bytes += WRAPPING_BYTES;
    this.check(input, 3);
    if (this.fault === undefined) this.json(textWithin(input, this.source));
  }

  #member(key: string, value: unknown): void {
    this.text(key);
    this.json(value, 3);
  }
}

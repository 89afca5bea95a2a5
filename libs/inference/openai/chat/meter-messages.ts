import { isJsonObject } from '../../json';
import { isUnpricedLifetime, unpricedLifetimeIn } from '../../metering/cache-lifetimes';
import type { PromptFacts } from '../../metering/facts';
import { TextMeter } from '../../metering/text-bytes';

const KNOWN_ROLES: ReadonlySet<unknown> = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);
const TEXT_PARTS: ReadonlySet<unknown> = new Set(['text', 'refusal', 'input_text', 'output_text', 'thinking']);
/** Keys of parts that carry or name something other than text; some backends go by the key instead of `type`. */
const MEDIA_KEYS: ReadonlyMap<string, 'images' | 'audios' | 'files' | 'otherParts'> = new Map([
  ['image_url', 'images'],
  ['image', 'images'],
  ['input_image', 'images'],
  ['input_audio', 'audios'],
  ['audio_url', 'audios'],
  ['audio', 'audios'],
  ['file', 'files'],
  ['file_data', 'files'],
  ['file_id', 'files'],
  ['video_url', 'otherParts'],
  ['video', 'otherParts'],
  ['image_embeds', 'otherParts'],
]);

/** Adds up what the messages of a chat bring into its prompt. */
export class PromptMeter extends TextMeter {
  #images = 0;
  #audios = 0;
  #files = 0;
  #otherParts = 0;
  #messages = 0;
  #tools = 0;
  /** Somewhere an entry of a cache is asked for that lives longer, and costs more, than those with a price. */
  hasUnpricedCache = false;

  /** The keys `role` and `content` and the known roles belong to the model's overhead per message; all else counts. */
  message(message: Record<string, unknown>): void {
    this.#messages += 1;
    this.#caches(message);
    for (const key of Object.keys(message)) {
      const value = message[key];
      if (key === 'content') this.#content(value);
      else if (key === 'role') this.#role(value);
      else if (key === 'audio' && value !== null) this.#media('audios', value);
      else if (value !== null) this.#member(key, value);
    }
  }

  /** Tools, functions and whatever else stands beside the messages. */
  field(key: string, value: unknown): void {
    if (key === 'cache_control' && isUnpricedLifetime(value)) this.hasUnpricedCache = true;
    if ((key === 'tools' || key === 'functions') && Array.isArray(value)) {
      this.#tools += value.length;
      this.#caches(value);
    }
    this.json(value);
  }

  facts(): PromptFacts {
    return {
      textBytes: this.bytes,
      tokenIds: 0,
      messages: this.#messages,
      tools: this.#tools,
      images: this.#images,
      audios: this.#audios,
      files: this.#files,
      otherParts: this.#otherParts,
    };
  }

  #role(role: unknown): void {
    if (!KNOWN_ROLES.has(role)) this.json(role);
  }

  #content(content: unknown): void {
    if (typeof content === 'string') this.text(content);
    else if (Array.isArray(content)) for (const part of content) this.#part(part);
    else if (content !== null && content !== undefined) this.json(content);
  }

  #part(part: unknown): void {
    if (!isJsonObject(part)) {
      this.json(part, 3);
      return;
    }
    let isMedia = false;
    for (const key of Object.keys(part)) {
      const value = part[key];
      const kind = MEDIA_KEYS.get(key);
      if (kind !== undefined) {
        isMedia = true;
        this.#media(kind, value);
      } else if (key === 'type') {
        this.check(value);
      } else if (typeof value === 'string') {
        this.text(value);
        this.check(key);
      } else {
        this.#member(key, value);
      }
    }
    if (!isMedia && part.type !== undefined && !TEXT_PARTS.has(part.type)) this.#otherParts += 1;
  }

  /** Backends that pass on to Anthropic take its `cache_control`. */
  #caches(value: unknown): void {
    if (unpricedLifetimeIn(value, '') !== undefined) this.hasUnpricedCache = true;
  }

  #member(key: string, value: unknown): void {
    this.text(key);
    this.json(value, 3);
  }

  #media(kind: 'images' | 'audios' | 'files' | 'otherParts', value: unknown): void {
    this.check(value, 3);
    if (kind === 'images') this.#images += 1;
    else if (kind === 'audios') this.#audios += 1;
    else if (kind === 'files') this.#files += 1;
    else this.#otherParts += 1;
  }
}

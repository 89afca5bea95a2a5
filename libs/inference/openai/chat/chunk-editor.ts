import { JsonDocument, type JsonObject, onOneLine, writeEdited } from '../../json';
import { dataFrame } from './make-frames';

const MODEL_KEY = '"model"';
const NULL_USAGE_AT_END = ',"usage":null}';

/** A part of a frame that all frames of a stream have in common, and what stands there for the client. */
interface Shared {
  readonly foreign: string;
  readonly own: string;
  /** Of an end, whether a usage in it is left out. */
  readonly dropsUsage: boolean;
}

/**
 * Makes the client's frame from the backend's: its own name of the model, and no usage. Everything else stays as it came,
 * to the letter. Where in a frame its members stand has to be looked for only once: the frames of a stream begin alike,
 * or end alike, and what a whole beginning or a whole end equals is the same members.
 */
export class ChunkEditor {
  /** Up to the model's name, it included. */
  #head: Shared | undefined;
  /** From the member before the model's name on. */
  #tail: Shared | undefined;

  /** @param keepsNullUsage clients that asked for usage get `"usage": null` on the chunks before, as from OpenAI. */
  constructor(
    private readonly clientModel: string,
    private readonly keepsNullUsage: boolean,
  ) {}

  /** @param chunk what `data` parses to. */
  frame(data: string, chunk: JsonObject): string {
    const { usage, model } = chunk;
    const dropsUsage = usage !== undefined && (usage !== null || !this.keepsNullUsage);
    const renames = model !== this.clientModel && model !== undefined;
    // Only line breaks between the lines of a frame are left in its data, and those cannot be sent as they are.
    if (data.includes('\n')) return dataFrame(onOneLine(this.#edited(data, chunk, dropsUsage)));
    if (!dropsUsage && !renames) return dataFrame(data);
    if (usage === undefined || usage === null) {
      const known = this.#known(data, renames, dropsUsage);
      if (known !== undefined) return known;
    }
    const edited = this.#edited(data, chunk, dropsUsage);
    if (renames && (usage === undefined || usage === null)) this.#learn(data, chunk, edited, dropsUsage);
    return dataFrame(edited);
  }

  /** The frame, if its beginning or its end was seen before. */
  #known(data: string, renames: boolean, dropsUsage: boolean): string | undefined {
    const tail = this.#tail;
    if (renames && tail?.dropsUsage === dropsUsage && data.endsWith(tail.foreign))
      return `data: ${data.slice(0, data.length - tail.foreign.length)}${tail.own}\n\n`;
    // The last brace is that of the chunk, and so what stands before it belongs to the chunk itself.
    if (dropsUsage && !data.endsWith(NULL_USAGE_AT_END)) return undefined;
    const end = dropsUsage ? data.length - NULL_USAGE_AT_END.length : data.length;
    const close = dropsUsage ? '}' : '';
    if (!renames) return `data: ${data.slice(0, end)}${close}\n\n`;
    const head = this.#head;
    if (head === undefined || !data.startsWith(head.foreign)) return undefined;
    // A second member of that name would have to go.
    if (data.includes(MODEL_KEY, head.foreign.length)) return undefined;
    return `data: ${head.own}${data.slice(head.foreign.length, end)}${close}\n\n`;
  }

  #edited(data: string, chunk: JsonObject, dropsUsage: boolean): string {
    const { usage, ...rest } = chunk;
    const named = rest.model === undefined ? rest : { ...rest, model: this.clientModel };
    return writeEdited(dropsUsage || usage === undefined ? named : { ...named, usage }, JsonDocument.of(data, chunk));
  }

  /** Remembers where the model's name stands: before the choices, or behind them and everything that differs. */
  #learn(data: string, chunk: JsonObject, edited: string, dropsUsage: boolean): void {
    const { members } = JsonDocument.of(data, chunk);
    const at = members.findIndex(({ key }) => key === 'model');
    const [before, model] = [members[at - 1], members[at]];
    if (model === undefined || members.some(({ key }, index) => key === 'model' && index !== at)) return;
    const choicesAt = members.findIndex(({ key }) => key === 'choices');
    const usageAt = members.findIndex(({ key }) => key === 'usage');
    if (at < choicesAt) {
      const own = data.slice(0, model.valueStart) + JSON.stringify(this.clientModel);
      this.#head = { foreign: data.slice(0, model.valueEnd), own, dropsUsage: false };
    } else if (before !== undefined && (usageAt === -1 || usageAt > at)) {
      const from = before.valueEnd;
      this.#tail = { foreign: data.slice(from), own: edited.slice(from), dropsUsage };
    }
  }
}

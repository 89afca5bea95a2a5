import type { JsonObject } from '../../json';
import { dataFrame } from './make-frames';

const NULL_USAGE = ',"usage":null';

/**
 * Makes the client's frame from the backend's: its own name of the model, and no usage. The text is edited in place
 * wherever possible, since serializing it again would cost as much as parsing it. `"model":"…"` with bare quotes cannot
 * occur inside a JSON string, so what matches is a member of that name.
 */
export class ChunkEditor {
  /** The backend's name of the model, and the member as it stands in the frames. */
  #foreignModel = '';
  #foreignMember = '';
  readonly #ownMember: string;

  /** @param keepsNullUsage clients that asked for usage get `"usage": null` on the chunks before, as from OpenAI. */
  constructor(
    private readonly clientModel: string,
    private readonly keepsNullUsage: boolean,
  ) {
    this.#ownMember = `"model":${JSON.stringify(clientModel)}`;
  }

  /** @param chunk what `data` parses to. */
  frame(data: string, chunk: JsonObject): string {
    const { usage, model } = chunk;
    const dropsUsage = usage === null && !this.keepsNullUsage;
    const renames = model !== this.clientModel && model !== undefined;
    // Only line breaks between the lines of a frame are left in its data, and those cannot be sent as they are.
    const mustSerialize = (usage !== undefined && usage !== null) || data.includes('\n');
    if (mustSerialize) return this.#serialized(chunk);
    if (!dropsUsage && !renames) return dataFrame(data);
    const usageAt = dropsUsage ? data.lastIndexOf(NULL_USAGE) : data.length;
    const modelAt = renames ? this.#findModel(data, model) : 0;
    if (usageAt === -1 || modelAt === -1) return this.#serialized(chunk);
    const usageEnd = dropsUsage ? usageAt + NULL_USAGE.length : usageAt;
    if (!renames) return `data: ${data.slice(0, usageAt)}${data.slice(usageEnd)}\n\n`;
    const modelEnd = modelAt + this.#foreignMember.length;
    const own = this.#ownMember;
    // One concatenation of slices of the flat text: a second edit of a joined one would have to flatten it first.
    return modelAt < usageAt
      ? `data: ${data.slice(0, modelAt)}${own}${data.slice(modelEnd, usageAt)}${data.slice(usageEnd)}\n\n`
      : `data: ${data.slice(0, usageAt)}${data.slice(usageEnd, modelAt)}${own}${data.slice(modelEnd)}\n\n`;
  }

  /** Where the model's name stands; -1 when it is written in another way, or more than once. */
  #findModel(data: string, model: unknown): number {
    if (typeof model !== 'string') return -1;
    if (model !== this.#foreignModel) {
      this.#foreignModel = model;
      this.#foreignMember = `"model":${JSON.stringify(model)}`;
    }
    const at = data.indexOf(this.#foreignMember);
    return at === data.lastIndexOf(this.#foreignMember) ? at : -1;
  }

  #serialized(chunk: JsonObject): string {
    const { usage, ...rest } = chunk;
    const kept = usage === null && this.keepsNullUsage ? { usage } : {};
    return dataFrame(JSON.stringify({ ...rest, model: this.clientModel, ...kept }));
  }
}

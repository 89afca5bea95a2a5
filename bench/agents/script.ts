/** What the scripted upstreams are asked, and what they say to it. */

export const NOTE_FILE = 'note.txt';
export const SAY_HELLO = 'Greet me in one short sentence.';
export const READ_THE_NOTE = `Read the file ${NOTE_FILE} with one of your tools and tell me what it says.`;
export const GREETING = 'Hello from the scripted upstream.';

/** How each program's own tool reads the note. */
const READING: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Bash: { command: `cat ${NOTE_FILE}`, description: 'Reads the note' },
  exec_command: { cmd: `cat ${NOTE_FILE}` },
  functions__exec: { input: `text(await tools.exec_command({ cmd: "cat ${NOTE_FILE}" }));` },
  read_note: {},
};

export type Said =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tool'; readonly name: string; readonly input: Readonly<Record<string, unknown>> };

/**
 * The next thing to say in a conversation: the tool, once it was asked to use one; what the note says, once it has been
 * read; else the greeting. A turn without tools is one of those that programs make beside their work, titles say.
 */
export function nextSaid(conversation: string, toolNames: readonly string[], note: string): Said {
  if (conversation.includes(note)) return { kind: 'text', text: `The note says: ${note}` };
  const name = toolNames.find((tool) => Object.hasOwn(READING, tool));
  const input = name === undefined ? undefined : READING[name];
  if (name === undefined || input === undefined || !conversation.includes(READ_THE_NOTE))
    return { kind: 'text', text: GREETING };
  return { kind: 'tool', name, input };
}

/**
 * A call as every dialect means it, so that any of them can stand in front of any kind of backend. It holds what carries
 * over; whatever a dialect says beyond it is refused by name (`Carrying`), never lost in silence. The output cap, the
 * model and the stream are the platform's to decide and are not part of it.
 */
export interface NeutralCall {
  readonly turns: readonly NeutralTurn[];
  readonly tools: readonly NeutralTool[];
  readonly toolChoice?: NeutralToolChoice;
  /** False: one tool call at a time. */
  readonly parallelToolCalls?: boolean;
  readonly temperature?: number;
  readonly topP?: number;
  readonly stop: readonly string[];
  readonly effort?: NeutralEffort;
  readonly verbosity?: NeutralVerbosity;
  /** The answer must be JSON; text without it. */
  readonly format?: NeutralFormat;
  /** The client's name of its own user. */
  readonly user?: string;
}

/** `none`: no reasoning at all. What it costs is output like any other, and stays within the cap. */
export const NEUTRAL_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;
export type NeutralEffort = (typeof NEUTRAL_EFFORTS)[number];

/** How much the answer says; a wish, which not every backend knows. */
export const NEUTRAL_VERBOSITIES = ['low', 'medium', 'high'] as const;
export type NeutralVerbosity = (typeof NEUTRAL_VERBOSITIES)[number];

/** `path` names the format in the client's own terms. */
export type NeutralFormat =
  | { readonly type: 'json'; readonly path: string }
  | {
      readonly type: 'schema';
      readonly path: string;
      readonly name: string;
      readonly description?: string;
      readonly schema: unknown;
      readonly strict?: boolean;
    };

export interface NeutralTool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments. */
  readonly parameters: unknown;
  readonly strict?: boolean;
}

export type NeutralToolChoice =
  | { readonly mode: 'auto' | 'none' | 'required' }
  | { readonly mode: 'tool'; readonly name: string };

/** `path` names the turn in the client's own terms, for example `messages[2]`. */
export type NeutralTurn =
  | { readonly role: 'system'; readonly path: string; readonly text: string }
  | { readonly role: 'user'; readonly path: string; readonly parts: readonly NeutralUserPart[] }
  | { readonly role: 'assistant'; readonly path: string; readonly parts: readonly NeutralAssistantPart[] }
  | {
      readonly role: 'tool';
      readonly path: string;
      readonly callId: string;
      readonly parts: readonly NeutralUserPart[];
      readonly isError?: boolean;
    };

export type NeutralSource =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'base64'; readonly mediaType: string; readonly data: string };

export type NeutralUserPart =
  | { readonly type: 'text'; readonly text: string }
  /** `detail`: how closely it is to be looked at, which changes what it costs. */
  | { readonly type: 'image'; readonly source: NeutralSource; readonly detail?: string }
  | { readonly type: 'document'; readonly source: NeutralSource; readonly name?: string };

export type NeutralAssistantPart =
  | { readonly type: 'text'; readonly text: string }
  /** `arguments` is JSON text. */
  | { readonly type: 'tool-call'; readonly id: string; readonly name: string; readonly arguments: string };

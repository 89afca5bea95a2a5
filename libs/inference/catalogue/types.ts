import type { ApiKeyId, BackendId, EpochMs, ModelId, OrganizationId, Prices } from '#kernel';

export type BackendKind = 'openai' | 'anthropic' | 'simulator';
export type ModelKind = 'chat' | 'completion' | 'embedding';

/** The field in which a backend wants the output cap. */
export type OutputCapField = 'max_tokens' | 'max_completion_tokens';
/** `auto`: the field that the client used, else the one that the backend's host is known to want. */
export type OutputCapChoice = OutputCapField | 'auto';

export interface BackendTimeouts {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
}

/** A secret encrypted under a data key of `subject`; only the adapter that sends it ever opens it. */
export interface EncryptedSecret {
  readonly subject: string;
  readonly keyVersion: number;
  /** Base64 of nonce, ciphertext and tag. */
  readonly ciphertext: string;
}

/**
 * What an operator decided about a backend: `degraded` takes calls only when no other can, `draining` takes no new ones,
 * `out-of-service` is the kill switch, which takes none either and says so to whoever looks.
 */
export type BackendService = 'in-service' | 'degraded' | 'draining' | 'out-of-service';

export interface Backend {
  readonly id: BackendId;
  readonly name: string;
  readonly kind: BackendKind;
  /** Without a trailing slash, including the API's version path, for example `https://api.example.com/v1`. */
  readonly baseUrl: string;
  readonly credential?: EncryptedSecret;
  readonly timeouts: BackendTimeouts;
  /** Absent: `auto`. */
  readonly outputCapField?: OutputCapField;
  /** Whether it reports usage in a stream when asked to. */
  readonly streamUsage: boolean;
  /** Request fields that it rejects and that are therefore not sent. */
  readonly dropFields: readonly string[];
  /** Request fields, or members of such (`thinking.budget`), that an operator vouches for: they are passed on. */
  readonly allowFields?: readonly string[];
  /** Values of `anthropic-beta` that are passed on beside those that change no price. */
  readonly allowBetas?: readonly string[];
  /** Whether a 5xx before the first byte is known never to be billed. */
  readonly unbilledServerErrors: boolean;
  /**
   * Whether 500, 503 and 529 before the first byte, an error in place of any output, and a kept connection that proves
   * to be closed are known never to be billed. Absent, on record from before it was known: as `unbilledServerErrors`.
   */
  readonly unbilledOverload?: boolean;
  /** Absent: in service. */
  readonly service?: BackendService;
}

export interface ModelRoute {
  readonly backendId: BackendId;
  readonly upstreamModel: string;
  /** Positive; a route is chosen in proportion to it. */
  readonly weight: number;
  /** Calls on it exceeded their bounds even though they held the whole context: nothing goes there until reopened. */
  readonly closed?: boolean;
}

/** What bounds the tokens of one call of a model (ledger.md, "The ceiling is a bound"). */
export interface ModelBounds {
  /** Bytes may grow before tokenization: 1 for byte-level BPE, 3 for NFC, 11 for NFKC. */
  readonly textFactor: number;
  /** Tokens that the backend adds per request, per message and per tool. */
  readonly requestOverheadTokens: number;
  readonly messageOverheadTokens: number;
  readonly toolOverheadTokens: number;
  /** At most so many tokens per part; undeclared: the whole context. */
  readonly imageTokensMax?: number;
  readonly audioTokensMax?: number;
  readonly fileTokensMax?: number;
}

export interface PriceVersion extends Prices {
  readonly effectiveFrom: EpochMs;
  /** Was to begin later, and never did. */
  readonly withdrawn?: boolean;
}

/** Whose calls of a model are refused until an operator decides: one key's, or a whole organization's. */
export interface ModelStop {
  readonly organizationId: OrganizationId;
  readonly keyId?: ApiKeyId;
}

export interface Model {
  readonly id: ModelId;
  readonly kind: ModelKind;
  /** `granted`: only organizations that were given it. */
  readonly visibility: 'all' | 'granted';
  readonly routes: readonly ModelRoute[];
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly defaultOutputTokens: number;
  /** Generates tokens that it does not show, so that counting what was seen says nothing about the cost. */
  readonly hiddenReasoning: boolean;
  readonly bounds: ModelBounds;
  /**
   * A call exceeded its bound: every call holds the whole context until an operator declares bounds again
   * (docs/architecture.md, "The ceiling is a bound").
   */
  readonly boundWithdrawn?: boolean;
  /** Whose calls exceeded it since its bounds were declared, each once; on record from before, nobody knows. */
  readonly exceededBy?: readonly Partial<Required<ModelStop>>[];
  readonly stops?: readonly ModelStop[];
  /** Ascending by version, those withdrawn among them. None in force: unpriced, and therefore not callable. */
  readonly prices: readonly PriceVersion[];
}

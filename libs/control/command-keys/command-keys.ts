import { createHmac } from 'node:crypto';
import type { Identifiers } from '#environment';
import { type EventStore, WrongExpectedRevisionError } from '#event-store';
import { composeSecret, type ParsedSecret, parseSecret, SECRET_RANDOM_BYTES } from '#identity';
import { type Actor, type Clock, canonicalJson, type StreamName } from '#kernel';
import { decrypt, encryptFor, type KeyStore } from '#key-store';
import type { CommandContext } from '../command-context';
import { KeyedMutex } from '../keyed-mutex';
import { derivedIdentifiers } from './derived-identifiers';
import { type CommandKeyEvent, commandKeyCodec, commandKeyStream } from './events';

/** The answer of a command, as it can be given again. */
export interface CommandAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly etag?: string;
  readonly position?: string;
  /** Shown in the body's `secret`, once per command; never recorded. */
  readonly secret?: string;
}

/** What a command was recorded under: whose it is, what it is sent to, the client's key, and its body. */
export interface CommandRequest {
  readonly actor: Actor;
  /** Method and path. */
  readonly route: string;
  readonly idempotencyKey: string;
  readonly body: unknown;
}

export type OnceAnswered = { readonly kind: 'answered'; readonly answer: CommandAnswer; readonly isReplay: boolean };
/** The same key came before with another body. */
export type KeyReused = { readonly kind: 'reused' };

type Prepared = Omit<CommandContext, 'at' | 'identifiers' | 'keyed'>;
/** Who commands, and with which token. */
type Commanded = Pick<CommandContext, 'actor' | 'tokenId'>;
type Claimed = Extract<CommandKeyEvent, { type: 'CommandKeyClaimed' }>['data'];

/** `tokenId`: with which token it was claimed; records of older versions do not say. */
type RecordedClaim = Claimed & Pick<CommandContext, 'tokenId'>;

interface Recorded {
  readonly claim: RecordedClaim | undefined;
  readonly answer: StoredAnswer | undefined;
  readonly revision: bigint | 'no-stream';
}

interface StoredAnswer extends Omit<CommandAnswer, 'secret'> {
  /** Which secret to derive again. */
  readonly secretOf?: ParsedSecret;
}

/** Somebody else claimed the key meanwhile: look again. */
class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
}

/** Its key makes digests, ids and secrets; the other one's seals answers. */
const SUBJECT = 'commands';
const ANSWERS_SUBJECT = 'command-answers';
const ANSWER_PART_CHARACTERS = 40_000;
const CLAIMS_LOST_MAX = 3;
/** How long a repeat may come too late for the first answer. */
const SECRET_SHOWN_MS = 5 * 60_000;
const SECRET_WITHHELD =
  'The secret is shown again for five minutes, to the token that made it: rotate for a new one, if it was lost.';

export interface CommandKeysOptions {
  readonly store: EventStore;
  readonly keyStore: KeyStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly identifiers: Identifiers;
  /** Told about an answer that could not be kept; the command itself is recorded. */
  readonly onProblem: (problem: Error) => void;
}

/**
 * Makes commands with an Idempotency-Key happen once. The key is claimed in a stream of its own before the first event
 * that the command causes; ids, secrets and time of the command are derived from the claim, so that a repeat after a
 * crash finds its own events; and the answer is kept, sealed, to be given again, its secret only for minutes and to the
 * token that made it. A command that is refused, or that
 * changes nothing, claims nothing: its key stays free.
 *
 * Keys are remembered as long as the log is kept, or until the data keys of their two subjects are erased.
 */
export class CommandKeys {
  private readonly mutex = new KeyedMutex();

  constructor(private readonly options: CommandKeysOptions) {}

  /** @throws CanonicalizationError for a body that is no plain JSON, such as one with a lone surrogate. */
  async once(
    request: CommandRequest,
    prepared: Prepared,
    work: (context: CommandContext) => Promise<CommandAnswer>,
  ): Promise<OnceAnswered | KeyReused> {
    const { key } = await this.options.keyStore.current(SUBJECT);
    const scope = JSON.stringify([request.actor.type, request.actor.id, request.route, request.idempotencyKey]);
    const digest = (what: string, text: string) => createHmac('sha256', key).update(`${what}\n${text}`).digest('hex');
    const stream = commandKeyStream(digest('key', scope).slice(0, 40));
    const body = digest('body', canonicalJson(request.body ?? null));
    return this.mutex.run(stream, async () => {
      for (let lost = 0; ; lost += 1) {
        const recorded = await this.read(stream);
        if (recorded.claim !== undefined && recorded.claim.body !== body) return { kind: 'reused' };
        const at = recorded.claim?.at ?? this.options.clock.now();
        const randomAgain = () => derivedIdentifiers(key, scope, at).random(SECRET_RANDOM_BYTES);
        const mayBeShown = recorded.claim === undefined || this.showsSecretAgain(recorded.claim, prepared);
        if (recorded.answer !== undefined) {
          const answer = mayBeShown ? withSecret(recorded.answer, randomAgain) : withheld(recorded.answer);
          return { kind: 'answered', answer, isReplay: true };
        }
        try {
          const identifiers = derivedIdentifiers(key, scope, at);
          const answer = await this.attempt(stream, recorded, { body, at }, { ...prepared, at, identifiers }, work);
          return { kind: 'answered', answer: mayBeShown ? answer : withheld(withoutSecret(answer)), isReplay: false };
        } catch (error) {
          if (!(error instanceof ClaimLostError) || lost >= CLAIMS_LOST_MAX) throw error;
        }
      }
    });
  }

  /** A secret is for whoever made it and lost the answer on the way; a later repeat, or another's, has no need of it. */
  private showsSecretAgain({ tokenId, at }: RecordedClaim, by: Pick<Prepared, 'tokenId'>): boolean {
    const isTheirs = tokenId !== undefined && tokenId === by.tokenId;
    return isTheirs && this.options.clock.now() - at <= SECRET_SHOWN_MS;
  }

  private async attempt(
    stream: StreamName,
    recorded: Recorded,
    claim: Claimed,
    context: CommandContext,
    work: (context: CommandContext) => Promise<CommandAnswer>,
  ): Promise<CommandAnswer> {
    let claimedAt = recorded.revision === 'no-stream' ? undefined : recorded.revision;
    const claimOnce = async () => {
      claimedAt ??= await this.append(stream, 'no-stream', context, [{ type: 'CommandKeyClaimed', data: claim }]);
    };
    const isRepeat = recorded.claim !== undefined;
    const answer = await work({ ...context, keyed: { commandId: stream, isRepeat, claim: claimOnce } });
    if (claimedAt !== undefined) await this.keep(stream, claimedAt, context, answer);
    return answer;
  }

  /** The command is recorded by now: should its answer not be, a repeat makes it again from what is recorded. */
  private async keep(stream: StreamName, claimedAt: bigint, by: Commanded, answer: CommandAnswer): Promise<void> {
    try {
      const { subject, keyVersion, ciphertext } = await encryptFor(
        this.options.keyStore,
        ANSWERS_SUBJECT,
        JSON.stringify(withoutSecret(answer)),
        stream,
      );
      const parts = Math.ceil(ciphertext.length / ANSWER_PART_CHARACTERS);
      const events = Array.from({ length: parts }, (_, part): CommandKeyEvent => {
        const from = part * ANSWER_PART_CHARACTERS;
        const text = ciphertext.slice(from, from + ANSWER_PART_CHARACTERS);
        return { type: 'CommandAnswered', data: { part, parts, subject, keyVersion, ciphertext: text } };
      });
      await this.append(stream, claimedAt, by, events);
    } catch (error) {
      this.options.onProblem(new Error('the answer of a keyed command could not be kept', { cause: error }));
    }
  }

  private async append(
    stream: StreamName,
    expected: bigint | 'no-stream',
    { actor, tokenId }: Commanded,
    events: readonly CommandKeyEvent[],
  ): Promise<bigint> {
    const { store, identifiers, clock } = this.options;
    const at = clock.now();
    const metadata = { actor, at, ...(tokenId === undefined ? {} : { tokenId }) };
    const encoded = events.map((event) => commandKeyCodec.encode({ id: identifiers.eventId(), event, metadata }));
    try {
      return (await store.append(stream, expected, encoded)).revision;
    } catch (error) {
      if (error instanceof WrongExpectedRevisionError) throw new ClaimLostError(error.message, { cause: error });
      throw error;
    }
  }

  private async read(stream: StreamName): Promise<Recorded> {
    let claim: RecordedClaim | undefined;
    let revision: bigint | 'no-stream' = 'no-stream';
    const parts: Extract<CommandKeyEvent, { type: 'CommandAnswered' }>['data'][] = [];
    for await (const stored of this.options.store.readStream(stream)) {
      revision = stored.revision;
      const decoded = commandKeyCodec.decode(stored);
      if (decoded === undefined) continue;
      const { event, metadata } = decoded;
      const { tokenId } = metadata;
      if (event.type === 'CommandAnswered') parts.push(event.data);
      else claim ??= { ...event.data, ...(tokenId === undefined ? {} : { tokenId }) };
    }
    const [first] = parts;
    if (first === undefined || parts.length < first.parts) return { claim, answer: undefined, revision };
    const ciphertext = parts.map((part) => part.ciphertext).join('');
    const opened = await decrypt(this.options.keyStore, { ...first, ciphertext }, stream);
    return { claim, answer: JSON.parse(Buffer.from(opened).toString('utf8')) as StoredAnswer, revision };
  }
}

/** Keeps the place of the secret, so that the answer given again is the same to the last byte. */
function withoutSecret({ secret, body, ...answer }: CommandAnswer): StoredAnswer {
  if (secret === undefined) return { ...answer, body };
  const parsed = parseSecret(secret);
  return parsed.ok ? { ...answer, body: { ...body, secret: '' }, secretOf: parsed } : { ...answer, body };
}

/** The place of the secret says why it is empty. */
function withheld({ secretOf, body, ...answer }: StoredAnswer): CommandAnswer {
  if (secretOf === undefined) return { ...answer, body };
  const { secret: _, ...rest } = body;
  return { ...answer, body: { ...rest, secretWithheld: SECRET_WITHHELD } };
}

function withSecret({ secretOf, body, ...answer }: StoredAnswer, random: () => Uint8Array): CommandAnswer {
  if (secretOf === undefined) return { ...answer, body };
  const secret = secretAgain(secretOf, random());
  return { ...answer, body: { ...body, secret }, secret };
}

function secretAgain(secretOf: ParsedSecret, random: Uint8Array): string {
  switch (secretOf.kind) {
    case 'live':
    case 'test':
      return composeSecret(secretOf.kind, secretOf.id, random);
    case 'sys':
    case 'pat':
      return composeSecret(secretOf.kind, secretOf.id, random);
  }
}

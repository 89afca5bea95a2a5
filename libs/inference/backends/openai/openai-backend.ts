import type { EncryptedSecret } from '../../catalogue/types';
import { writeEdited } from '../../json';
import { AddressGuard } from '../address-guard';
import type { BackendClient, UpstreamCall, UpstreamResponse } from '../port';
import { redactorOf } from '../secret-redaction';
import { type Credential, Exchange } from './exchange';
import { requestHeaders } from './headers';
import { type ObservedOptions, Upstreams } from './upstreams';
import { type HttpWire, OPENAI_WIRE } from './wire';

/** Opens a backend's credential; rejects when its key was erased. */
export type OpenSecret = (secret: EncryptedSecret) => Promise<string>;

/**
 * What the platform decides about every call. It is written anew even where the client said the same: a cap of `1e2` is
 * understood here, and not by everybody.
 */
const DECIDED_MEMBERS: ReadonlySet<string> = new Set([
  'model',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'stream',
]);

/** Credentials that were opened are kept, so that no call waits for the key store twice. */
const OPENED_SECRETS_MAX = 1_000;

const NO_CREDENTIAL: Credential = { secret: undefined, redact: redactorOf(undefined) };

/** Backends that speak OpenAI's HTTP dialect. */
export class OpenAiBackendClient implements BackendClient {
  readonly #upstreams: Upstreams;
  readonly #credentials = new Map<string, Credential>();
  #closed = false;

  /** @param wire for kinds that differ in nothing but paths and headers. */
  constructor(
    private readonly openSecret: OpenSecret,
    private readonly wire: HttpWire = OPENAI_WIRE,
    guard = new AddressGuard(),
  ) {
    this.#upstreams = new Upstreams(wire.paths, guard);
  }

  async open(call: UpstreamCall): Promise<UpstreamResponse> {
    const { credential } = call.backend;
    if (credential === undefined) return this.#dispatch(call, NO_CREDENTIAL);
    const opened = this.#credentials.get(credential.ciphertext) ?? (await this.#openSecret(credential));
    if (opened === undefined)
      return { kind: 'failure', failure: { kind: 'connect-failed', reason: 'the credential cannot be opened' } };
    return this.#dispatch(call, opened);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#upstreams.close();
  }

  async #openSecret(credential: EncryptedSecret): Promise<Credential | undefined> {
    try {
      const secret = await this.openSecret(credential);
      if (this.#credentials.size >= OPENED_SECRETS_MAX) this.#credentials.clear();
      const opened = { secret, redact: redactorOf(secret) };
      this.#credentials.set(credential.ciphertext, opened);
      return opened;
    } catch {
      return undefined; // Nothing was sent: the call is answered as one that could not connect.
    }
  }

  #dispatch(call: UpstreamCall, credential: Credential): Promise<UpstreamResponse> {
    if (call.signal.aborted)
      return Promise.resolve({ kind: 'failure', failure: { kind: 'aborted', dispatched: false } });
    if (this.#closed)
      return Promise.resolve({ kind: 'failure', failure: { kind: 'connect-failed', reason: 'shutting down' } });
    const { pool, single, paths, isAllowed } = this.#upstreams.find(call.backend);
    if (!isAllowed)
      return Promise.resolve({ kind: 'failure', failure: { kind: 'connect-failed', reason: 'address-not-allowed' } });
    return new Promise((resolve) => {
      const exchange = new Exchange(call, resolve, credential);
      const alone = call.freshConnection === true ? single() : undefined;
      const options: ObservedOptions = {
        method: 'POST',
        path: paths[call.operation],
        headers: requestHeaders(call, credential.secret, this.wire),
        body: writeEdited(call.body, call.source, DECIDED_MEMBERS),
        onConnection: (connection) => exchange.onConnection(connection),
      };
      (alone ?? pool).dispatch(options, exchange);
      exchange.watchConnect();
      // What goes wrong on its connection the exchange hears itself.
      alone?.close().catch(() => undefined);
    });
  }
}

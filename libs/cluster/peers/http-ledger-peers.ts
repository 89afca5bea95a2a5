import { randomBytes } from 'node:crypto';
import { types } from 'node:util';
import type { Dispatcher } from 'undici';
import type { BootId, Clock, OrganizationId } from '#kernel';
import type { ForwardedCommand, ForwardedOutcome, LedgerPeers } from '#ledger';
import {
  COMMANDS_PER_REQUEST_MAX,
  commandsPath,
  decodeAnswer,
  encodeCommand,
  encodeRequest,
  FORWARD_MS_MAX,
} from './messages';
import { PeerConnections } from './peer-connections';
import { digestOf, HEADERS, isSameSignature, type PeerKey, signAnswer, signRequest } from './signatures';

export interface HttpLedgerPeersOptions {
  readonly self: BootId;
  readonly peerKey: PeerKey;
  readonly clock: Clock;
  /** Where a gateway is reached; `undefined` when nobody knows. */
  readonly peerUrlOf: (bootId: BootId) => string | undefined;
  /** More commands than fit into so much are sent one request after the other. Default: 1,000,000. */
  readonly requestBytesMax?: number;
  /** Default: 16,000,000. */
  readonly answerBytesMax?: number;
  /** Default: 64. */
  readonly peersMax?: number;
  /** Default: 8. */
  readonly connectionsPerPeerMax?: number;
}

/** How long it may take to reach a peer that runs, beside the time for the whole. */
const CONNECT_MS_MAX = 2_000;
const NONCE_BYTES = 16;

/** Brings commands to other gateways over HTTP. It never rejects: what nobody can say is `unknown`. */
export class HttpLedgerPeers implements LedgerPeers {
  readonly self: BootId;
  private readonly connections: PeerConnections;

  constructor(private readonly options: HttpLedgerPeersOptions) {
    this.self = options.self;
    this.connections = new PeerConnections({
      peersMax: options.peersMax ?? 64,
      connectionsPerPeerMax: options.connectionsPerPeerMax ?? 8,
      answerBytesMax: options.answerBytesMax ?? 16_000_000,
      connectMsMax: CONNECT_MS_MAX,
    });
  }

  async forward(
    to: BootId,
    orgId: OrganizationId,
    commands: readonly ForwardedCommand[],
    timeoutMs: number,
  ): Promise<readonly ForwardedOutcome[]> {
    const texts = commands.map(encodeCommand);
    const carried = await this.sendAll(
      to,
      orgId,
      texts.filter((text) => text !== undefined),
      timeoutMs,
    );
    const rest = carried.values();
    return texts.map((text) =>
      text === undefined ? UNENCODABLE : (rest.next().value ?? unknown('the peer gave no outcome')),
    );
  }

  async close(): Promise<void> {
    await this.connections.close();
  }

  /** In order; after the first failure nothing more is sent. */
  private async sendAll(
    to: BootId,
    orgId: OrganizationId,
    texts: readonly string[],
    timeoutMs: number,
  ): Promise<readonly ForwardedOutcome[]> {
    const { clock, requestBytesMax = 1_000_000 } = this.options;
    const untilMs = clock.monotonicMs() + Math.min(timeoutMs, FORWARD_MS_MAX);
    const outcomes: ForwardedOutcome[] = [];
    try {
      for (const parcel of parcels(texts, requestBytesMax))
        outcomes.push(...(await this.send(to, orgId, parcel, untilMs - clock.monotonicMs())));
      return outcomes;
    } catch (error) {
      const outcome = unknown(`the gateway ${to} could not be asked: ${messageOf(error)}`);
      return texts.map((_, index) => outcomes[index] ?? outcome);
    }
  }

  private async send(
    to: BootId,
    orgId: OrganizationId,
    texts: readonly string[],
    timeoutMs: number,
  ): Promise<readonly ForwardedOutcome[]> {
    const wholeMs = Math.floor(timeoutMs);
    if (wholeMs < 1) throw new Error('there was no time left');
    const url = this.options.peerUrlOf(to);
    if (url === undefined) throw new Error('nobody knows where it is');
    const { origin, pathname } = new URL(url);
    const path = commandsPath(orgId);
    const body = encodeRequest(wholeMs, texts);
    const { peerKey, clock } = this.options;
    const [time, nonce] = [String(clock.now()), randomBytes(NONCE_BYTES).toString('base64url')];
    const digest = digestOf(body);
    const answer = await this.connections.to(origin).request({
      method: 'POST',
      path: `${pathname.replace(/\/+$/, '')}${path}`,
      headers: {
        'content-type': 'application/json',
        [HEADERS.to]: to,
        [HEADERS.time]: time,
        [HEADERS.nonce]: nonce,
        [HEADERS.digest]: digest,
        [HEADERS.signature]: signRequest(peerKey, { method: 'POST', path, to, time, nonce, digest }),
      },
      body,
      signal: AbortSignal.timeout(wholeMs),
    });
    return this.read(answer, nonce, texts.length);
  }

  /** @throws Error unless a peer that knows the key answered this very request. */
  private async read(
    answer: Dispatcher.ResponseData,
    nonce: string,
    commands: number,
  ): Promise<readonly ForwardedOutcome[]> {
    const body = new Uint8Array(await answer.body.arrayBuffer());
    const status = answer.statusCode;
    const signature = answer.headers[HEADERS.signature];
    const expected = signAnswer(this.options.peerKey, { nonce, status, body });
    if (typeof signature !== 'string' || !isSameSignature(expected, signature))
      throw new Error(`its answer (HTTP ${status}) is not signed by a gateway of this cluster`);
    if (status !== 200) throw new Error(`it answered HTTP ${status}: ${Buffer.from(body).toString()}`);
    return decodeAnswer(body, commands);
  }
}

function* parcels(texts: readonly string[], bytesMax: number): Generator<readonly string[]> {
  let parcel: string[] = [];
  let bytes = 0;
  for (const text of texts) {
    const size = Buffer.byteLength(text) + 1;
    if (parcel.length > 0 && (bytes + size > bytesMax || parcel.length >= COMMANDS_PER_REQUEST_MAX)) {
      yield parcel;
      [parcel, bytes] = [[], 0];
    }
    parcel.push(text);
    bytes += size;
  }
  if (parcel.length > 0) yield parcel;
}

/** In the ledger's own words for what it could not write down: no gateway could record it, so none is asked. */
const UNENCODABLE: ForwardedOutcome = {
  kind: 'refused',
  refusal: { code: 'unencodable', message: 'The command holds text or numbers that cannot be recorded.' },
};

function unknown(message: string): ForwardedOutcome {
  return { kind: 'unknown', message };
}

function messageOf(error: unknown): string {
  if (!types.isNativeError(error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return `${error.message}${code}`;
}

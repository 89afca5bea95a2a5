import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { head, posting } from '#testing/raw-http';

/** Whom the attackers are; none of them is whose calls are measured. */
export interface Attackers {
  readonly port: number;
  readonly model: string;
  /** Secrets of keys: one with inference scope, one that may only read, one whose limit is 0. */
  readonly inference: string;
  readonly readOnly: string;
  readonly limitedToNothing: string;
}

/** What one connection of an attack sends: all at once, then, where told, the same bytes again and again. */
interface Attack {
  readonly name: string;
  /** Connections at a time. */
  readonly connections: number;
  readonly bytes: Buffer;
  readonly dripped?: { readonly bytes: Buffer; readonly everyMs: number };
  /** How long a connection stays where it is not hung up on. */
  readonly stayMs: number;
}

const MIB = 1024 * 1024;
/** Between two connections of the same place, so that it is the platform that is measured and not its machine. */
const PAUSE_MS = 50;
/** Attackers come from so many addresses, none of them that of the measured client. */
const ADDRESSES = 8;

type Headers = Readonly<Record<string, string | number>>;

function bearer(secret: string): Headers {
  return { Authorization: `Bearer ${secret}` };
}

/** Objects with nothing in them cost the most memory for a byte of JSON. */
function manyObjects(): string {
  return `{"x":[${'{},'.repeat((31 * MIB) / 3 - 8)}{}]}`;
}

function floodOf(path: string): Attack {
  const bytes = Buffer.from(head(`GET ${path}`));
  return { name: `GET ${path}`, connections: 8, bytes, dripped: { bytes, everyMs: 5 }, stayMs: 2_000 };
}

/** Every way in which a stranger or a key of little worth was found to cost others much. */
export function attacksOf({ model, inference, readOnly, limitedToNothing }: Attackers): readonly Attack[] {
  const objects = manyObjects();
  const json = { 'Content-Type': 'application/json' };
  const announced = { ...bearer(inference), ...json, 'Content-Length': 31 * MIB };
  const chunked = { ...bearer(inference), ...json, 'Transfer-Encoding': 'chunked' };
  const call = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 16 });
  const refused = Buffer.from(posting('/v1/chat/completions', call, bearer(limitedToNothing)));
  const preflight = Buffer.from(posting('/v1/preflight', call, bearer(inference)));
  return [
    floodOf('/openapi.json'),
    floodOf('/docs'),
    floodOf('/metrics'),
    floodOf('/v1/models'),
    {
      name: 'pipelined requests',
      connections: 8,
      bytes: Buffer.from(head('GET /docs/swagger-ui-bundle.js').repeat(2_000)),
      stayMs: 500,
    },
    {
      name: '31 MiB of {} by a key that may only read',
      connections: 2,
      bytes: Buffer.from(posting('/v1/chat/completions', objects, bearer(readOnly))),
      stayMs: 5_000,
    },
    {
      name: '31 MiB of {} by a key that may call',
      connections: 2,
      bytes: Buffer.from(posting('/v1/chat/completions', objects, bearer(inference))),
      stayMs: 5_000,
    },
    {
      name: 'silent bodies',
      connections: 32,
      bytes: Buffer.from(`${head('POST /v1/chat/completions', announced)}{`),
      stayMs: 10_000,
    },
    {
      name: 'slow chunks',
      connections: 32,
      bytes: Buffer.from(head('POST /v1/chat/completions', chunked)),
      dripped: { bytes: Buffer.from(`400\r\n${' '.repeat(1_024)}\r\n`), everyMs: 100 },
      stayMs: 10_000,
    },
    { name: 'limit of 0', connections: 8, bytes: refused, dripped: { bytes: refused, everyMs: 5 }, stayMs: 2_000 },
    { name: 'preflights', connections: 8, bytes: preflight, dripped: { bytes: preflight, everyMs: 5 }, stayMs: 2_000 },
    { name: 'connections', connections: 128, bytes: Buffer.alloc(0), stayMs: 500 },
  ];
}

export interface AttackCount {
  connections: number;
  bytes: number;
}

/** Keeps up one connection of an attack until it is over: nothing is read with care, and all is left without a word. */
async function strike(attack: Attack, port: number, from: number, count: AttackCount): Promise<void> {
  // Only Linux answers at every address of the loopback network.
  const address = process.platform === 'linux' ? { localAddress: `127.0.0.${from + 2}` } : {};
  const socket: Socket = connect({ port, host: '127.0.0.1', ...address });
  const { dripped } = attack;
  const send = (bytes: Buffer): void => {
    // What is not taken is not sent: an attacker's memory is no concern here.
    if (socket.destroyed || socket.writableNeedDrain) return;
    count.bytes += bytes.length;
    socket.write(bytes);
  };
  socket.on('data', () => undefined);
  socket.on('error', () => undefined);
  socket.once('connect', () => {
    count.connections += 1;
    if (attack.bytes.length > 0) send(attack.bytes);
  });
  const drip = dripped === undefined ? undefined : setInterval(() => send(dripped.bytes), dripped.everyMs);
  await new Promise<void>((resolve) => {
    const stay = setTimeout(() => socket.resetAndDestroy(), attack.stayMs);
    socket.once('close', () => {
      clearTimeout(stay);
      resolve();
    });
  });
  clearInterval(drip);
}

/** All attacks at once, until told to end. */
export async function besiege(
  attackers: Attackers,
  isOver: () => boolean,
): Promise<Readonly<Record<string, AttackCount>>> {
  const counts: Record<string, AttackCount> = {};
  const places = attacksOf(attackers).flatMap((attack) => {
    const count: AttackCount = { connections: 0, bytes: 0 };
    counts[attack.name] = count;
    return Array.from({ length: attack.connections }, async (_, place) => {
      while (!isOver()) {
        await strike(attack, attackers.port, place % ADDRESSES, count);
        await sleep(PAUSE_MS);
      }
    });
  });
  await Promise.all(places);
  return counts;
}

import type { Socket } from 'node:net';
import { addressGroup } from './address-group';

export interface ConnectionLimits {
  /** Open connections in all. */
  readonly connectionsMax: number;
  /** Open connections of one address; of IPv6 one /64. */
  readonly connectionsPerAddressMax: number;
  /** Proxies bring the connections of many clients: they count in all alone. */
  readonly isTrustedProxy?: (address: string | undefined) => boolean;
}

class Group {
  open = 0;

  constructor(readonly name: string) {}

  /** In the order in which they fell idle. */
  readonly idle = new Set<Socket>();
}

/**
 * Counts connections, in all and per address. Where there is no room for a new one, the connection that has been without
 * a request for the longest is ended for it: clients open another when they need it, and whoever only collects
 * connections loses them first. A connection with a request under way is never ended.
 */
export class ConnectionCaps {
  private readonly all = new Group('');
  private readonly groups = new Map<string, Group>();
  private readonly groupOf = new Map<Socket, Group>();

  constructor(private readonly limits: ConnectionLimits) {}

  get open(): number {
    return this.all.open;
  }

  /** Takes a new connection, or says that there is no room. */
  take(socket: Socket): boolean {
    const { connectionsMax, connectionsPerAddressMax, isTrustedProxy } = this.limits;
    const address = socket.remoteAddress;
    const isCounted = isTrustedProxy?.(address) !== true;
    const name = addressGroup(address);
    const group = this.groups.get(name) ?? new Group(name);
    if (isCounted && group.open >= connectionsPerAddressMax && !this.endIdle(group)) return false;
    if (this.all.open >= connectionsMax && !this.endIdle(this.all)) return false;
    this.groups.set(name, group);
    this.groupOf.set(socket, group);
    group.open += 1;
    this.all.open += 1;
    this.nowIdle(socket);
    socket.once('close', () => this.give(socket));
    return true;
  }

  /** It has a request under way. */
  nowBusy(socket: Socket): void {
    this.groupOf.get(socket)?.idle.delete(socket);
    this.all.idle.delete(socket);
  }

  /** It waits for its next request. */
  nowIdle(socket: Socket): void {
    const group = this.groupOf.get(socket);
    if (group === undefined) return;
    group.idle.add(socket);
    this.all.idle.add(socket);
  }

  private endIdle(group: Group): boolean {
    const [longest] = group.idle;
    if (longest === undefined) return false;
    longest.destroy();
    // Its place is free now, not when its end has been noticed.
    this.give(longest);
    return true;
  }

  private give(socket: Socket): void {
    const group = this.groupOf.get(socket);
    if (group === undefined) return;
    this.nowBusy(socket);
    this.groupOf.delete(socket);
    this.all.open -= 1;
    group.open -= 1;
    if (group.open === 0) this.groups.delete(group.name);
  }
}

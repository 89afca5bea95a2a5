import type { ApiKeyId } from '#kernel';
import type { LedgerCommand } from '../commands';
import type { LedgerWriterSettings, QueuedCommand, WaitingCommand } from './types';

type Rank = 'endings' | 'control' | 'calls';

export function rankOf(command: LedgerCommand): Rank {
  switch (command.type) {
    case 'CompleteCall':
    case 'FailCall':
    case 'ReleaseCall':
    case 'AbandonCall':
    case 'ExpireCall':
    case 'ResolveCall':
    case 'ResolveByPolicy':
    case 'CountRefusals':
      return 'endings';
    case 'AuthorizeCall':
    case 'RecordRefusal':
      return 'calls';
    default:
      return 'control';
  }
}

function keyOf(command: LedgerCommand): ApiKeyId | undefined {
  return command.type === 'AuthorizeCall' || command.type === 'RecordRefusal' ? command.keyId : undefined;
}

/**
 * Commands of one ledger that wait for the next batch: endings first, since they free what others wait for, then
 * control, then calls. Endings (and counts of refusals) are always taken in: refusing to record what has happened would
 * lose it, and there are at most as many as there were calls.
 */
export class CommandQueue {
  private ranks: Record<Rank, QueuedCommand[]> = { endings: [], control: [], calls: [] };
  /** Calls that were refused for now and wait for others to end. */
  private waiting: readonly WaitingCommand[] = [];
  private readonly perKey = new Map<ApiKeyId, number>();

  constructor(private readonly settings: Pick<LedgerWriterSettings, 'queueCommandsMax' | 'queueCommandsPerKeyMax'>) {}

  get size(): number {
    return this.ready + this.waiting.length;
  }

  /** Commands that a batch could decide now, waiting ones aside. */
  get ready(): number {
    return this.ranks.endings.length + this.ranks.control.length + this.ranks.calls.length;
  }

  get waitingCalls(): readonly WaitingCommand[] {
    return this.waiting;
  }

  /** Whether a waiting call's patience has ended. */
  hasDue(nowMs: number): boolean {
    return this.waiting.some(({ untilMs }) => nowMs >= untilMs);
  }

  /** Whether one more fits. */
  offer(item: QueuedCommand): boolean {
    const rank = rankOf(item.command);
    if (rank !== 'endings') {
      if (this.size >= this.settings.queueCommandsMax) return false;
      const keyId = keyOf(item.command);
      if (keyId !== undefined) {
        const queued = this.perKey.get(keyId) ?? 0;
        if (queued >= this.settings.queueCommandsPerKeyMax) return false;
        this.perKey.set(keyId, queued + 1);
      }
    }
    this.ranks[rank].push(item);
    return true;
  }

  /** Everything that is to be decided next, in order; waiting calls before newer ones. */
  takeAll(): QueuedCommand[] {
    const { endings, control, calls } = this.ranks;
    this.ranks = { endings: [], control: [], calls: [] };
    const taken = [...endings, ...control, ...this.waiting.map(({ item }) => item), ...calls].filter(
      // A caller that gave up wants no authorization any more; an ending is recorded all the same.
      (item) => !item.settled || rankOf(item.command) === 'endings',
    );
    this.waiting = [];
    this.perKey.clear();
    return taken;
  }

  /** Puts undecided commands back in front. */
  putBack(items: readonly QueuedCommand[], waiting: readonly WaitingCommand[]): void {
    for (const rank of ['endings', 'control', 'calls'] as const) {
      const front = items.filter((item) => rankOf(item.command) === rank);
      if (front.length > 0) this.ranks[rank] = [...front, ...this.ranks[rank]];
    }
    this.waiting = [...this.waiting, ...waiting];
    for (const item of [...items, ...waiting.map((one) => one.item)]) {
      const keyId = keyOf(item.command);
      if (keyId !== undefined) this.perKey.set(keyId, (this.perKey.get(keyId) ?? 0) + 1);
    }
  }
}

import { isAscii } from 'node:buffer';
import { getHeapStatistics } from 'node:v8';

/** Whose a body is: a member (a key, say) of a group (its organization). */
export interface BodyOwner {
  readonly group: string;
  readonly member: string;
}

/** The part of the heap that bodies and what was parsed of them may take. */
const SHARE_OF_HEAP = 0.4;
/** A member that holds no more is not asked to leave anything to others. */
const MODEST_BYTES = 1024 * 1024;
/** What a unit of a text's weight takes once it is parsed; see `JsonScale`. */
const BYTES_PER_WEIGHT = 32;

/**
 * The memory that a body takes for as long as its request is worked on: its text, and what was parsed of it. Texts
 * beyond ASCII may take two bytes a character.
 */
export function parsedBytes(body: Buffer, weight: number): number {
  return body.length * (isAscii(body) ? 2 : 3) + weight * BYTES_PER_WEIGHT;
}

/**
 * The memory of request bodies, all together at most so many bytes, counted as they arrive and as they are parsed. It is
 * shared by one rule, without fixed parts: nobody may go on who would then hold more than is left for others, a group
 * not more than twice as much. So one key can take half of it, one organization two thirds, and whoever comes next always
 * finds something.
 */
export class BodyMemory {
  private taken = 0;
  private readonly byGroup = new Map<string, number>();
  private readonly byMember = new Map<string, number>();

  constructor(readonly bytesMax: number) {}

  /** As much as the heap of this process allows. */
  static ofHeap(): BodyMemory {
    return new BodyMemory(Math.floor(getHeapStatistics().heap_size_limit * SHARE_OF_HEAP));
  }

  get bytesTaken(): number {
    return this.taken;
  }

  /** For one body; it holds nothing yet. */
  open(owner: BodyOwner): BodyShare {
    return new BodyShare(this, owner);
  }

  /** Takes more, or gives some back where `bytes` is negative; says whether there is room. */
  take({ group, member }: BodyOwner, bytes: number): boolean {
    const name = `${group} ${member}`;
    const taken = this.taken + bytes;
    const ofGroup = (this.byGroup.get(group) ?? 0) + bytes;
    const ofMember = (this.byMember.get(name) ?? 0) + bytes;
    if (bytes > 0) {
      const free = this.bytesMax - taken;
      if (free < 0) return false;
      if (ofMember > MODEST_BYTES && (ofMember > free || ofGroup > 2 * free)) return false;
    }
    this.taken = taken;
    put(this.byGroup, group, ofGroup);
    put(this.byMember, name, ofMember);
    return true;
  }
}

function put(map: Map<string, number>, key: string, bytes: number): void {
  if (bytes > 0) map.set(key, bytes);
  else map.delete(key);
}

/** What one body holds of the memory. */
export class BodyShare {
  private held = 0;
  private isOver = false;

  constructor(
    private readonly memory: BodyMemory,
    private readonly owner: BodyOwner,
  ) {}

  /** Holds so many bytes from now on; says whether there is room, and holds what it held where there is none. */
  hold(bytes: number): boolean {
    if (this.isOver || !this.memory.take(this.owner, bytes - this.held)) return false;
    this.held = bytes;
    return true;
  }

  /** Gives everything back, for good. */
  release(): void {
    this.memory.take(this.owner, -this.held);
    this.held = 0;
    this.isOver = true;
  }
}

import { BodyMemory, type BodyOwner, parsedBytes } from './body-memory';

const MIB = 1024 * 1024;
const key = (group: string, member: string): BodyOwner => ({ group, member });
const hog = key('acme', 'hog');

/** How much an owner gets who asks for a MiB at a time, each for a body of its own. */
function fill(memory: BodyMemory, owner: BodyOwner): number {
  let mebibytes = 0;
  while (memory.open(owner).hold(MIB)) mebibytes += 1;
  return mebibytes;
}

describe('the memory of bodies', () => {
  it('gives one key half of it, and then something to whoever comes next', () => {
    const memory = new BodyMemory(120 * MIB);
    expect(fill(memory, hog)).toBe(60);
    expect(fill(memory, key('acme', 'colleague'))).toBe(20);
    // The organization has two thirds by now: a key of it that holds nothing gets a modest body, and no more.
    expect(fill(memory, key('acme', 'third'))).toBe(1);
    expect(fill(memory, key('neighbour', 'key'))).toBe(19);
  });

  it('gives a modest body as long as there is any', () => {
    const memory = new BodyMemory(4 * MIB);
    for (const member of ['a', 'b', 'c', 'd']) expect(memory.open(key('acme', member)).hold(MIB)).toBe(true);
    expect(memory.open(key('acme', 'e')).hold(1)).toBe(false);
    expect(memory.bytesTaken).toBe(4 * MIB);
  });

  it('takes one body of any size that fits, and the next once that one is over', () => {
    const memory = new BodyMemory(100 * MIB);
    const first = memory.open(hog);
    expect([first.hold(10 * MIB), first.hold(50 * MIB), first.hold(51 * MIB)]).toEqual([true, true, false]);
    expect(memory.bytesTaken).toBe(50 * MIB);
    const second = memory.open(hog);
    expect(second.hold(2 * MIB)).toBe(false);
    first.release();
    first.release();
    expect([memory.bytesTaken, second.hold(2 * MIB), first.hold(1)]).toEqual([0, true, false]);
  });

  it('counts what a text becomes: two bytes a character beyond ASCII, and its values', () => {
    expect(parsedBytes(Buffer.from('abc'), 1)).toBe(2 * 3 + 32);
    expect(parsedBytes(Buffer.from('äb'), 10)).toBe(3 * 3 + 320);
  });

  it('is a part of the heap, large enough for the largest body even where the heap is small', () => {
    const { bytesMax } = BodyMemory.ofHeap();
    expect(bytesMax).toBeGreaterThan(100 * MIB);
  });
});

import { systemIdentifiers } from '#environment';
import { type ControlRecords, controlRecords, loadRecords, loadRecordsInOnePass } from './records';
import { HandClock, issued, me, startPlatform, testMachine } from './testing';

/** Every aggregate as it was loaded, in an order that loading does not decide. */
function contents(records: ControlRecords): Readonly<Record<string, readonly unknown[]>> {
  return Object.fromEntries(
    Object.entries(records).map(([kind, aggregates]) => [
      kind,
      [...aggregates.all()].map(({ stream, revision, position }) => `${stream} ${revision} ${position}`).sort(),
    ]),
  );
}

describe('control records', () => {
  it('are the same, loaded stream by stream or in one pass over the log', async () => {
    const machine = testMachine();
    const platform = await startPlatform(machine);
    const { orgId, keyId } = await issued(platform);
    await platform.control.apiKeys.revoke(me(platform), orgId, keyId, 'leaked');
    await issued(platform);
    const clock = new HandClock();
    const runtime = { store: machine.store, clock, newEventId: () => systemIdentifiers(clock).eventId() };
    const [byStream, inOnePass] = [controlRecords(runtime), controlRecords(runtime)];

    await loadRecords(byStream);
    await loadRecordsInOnePass(inOnePass, machine.store);

    expect(contents(inOnePass)).toEqual(contents(byStream));
    expect(contents(inOnePass)).toEqual(contents(platform.control.records));
    expect(contents(inOnePass).apiKeys).toHaveLength(2);
    await platform.close();
  });

  it('are not taken for loaded when the log could not be read to its end', async () => {
    const machine = testMachine();
    const platform = await startPlatform(machine);
    await issued(platform);
    const clock = new HandClock();
    const records = controlRecords({
      store: machine.store,
      clock,
      newEventId: () => systemIdentifiers(clock).eventId(),
    });
    records.apiKeys.onChange(() => {
      throw new Error('an index failed');
    });

    await expect(loadRecordsInOnePass(records, machine.store)).rejects.toThrow('an index failed');
    await platform.close();
  });
});

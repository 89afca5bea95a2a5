import { callsProjection } from '../calls';
import { completing, keptViews, models, orgId, projectIds, Record } from '../spec-kit';
import { usageProjection } from './projection';
import { freshness } from './queries';

describe('freshness', () => {
  it('tells of calls that are not final and of models that were called, of one project only where that is asked', async () => {
    const record = new Record();
    const [mine, others = mine] = projectIds;
    const [one, other = one] = models;
    const ended = record.authorize({ projectId: mine, model: one });
    await record.perform(ended);
    await record.perform(completing(ended.callId, 5));
    const theirs = record.later(5_000).authorize({ projectId: others, model: other });
    await record.perform(theirs);
    await record.perform(completing(theirs.callId, 5));
    await record.perform(record.authorize({ projectId: others }));
    const store = await keptViews(record, [usageProjection, callsProjection]);
    const ask = (projectId?: typeof mine) =>
      store.snapshot((snapshot) => freshness(snapshot, { orgId, ...(projectId === undefined ? {} : { projectId }) }));

    expect(await ask()).toMatchObject({ openCalls: 1, models: [{ model: one }, { model: other }] });
    const { openCalls, models: called } = await ask(mine);
    expect({ openCalls, called }).toEqual({
      openCalls: 0,
      called: [{ model: one, lastCallAt: record.now - 5_000 }],
    });
    expect(await ask(others)).toMatchObject({ openCalls: 1, models: [{ model: other, lastCallAt: record.now }] });
  });
});

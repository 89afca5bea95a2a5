import { usd } from '#kernel';
import { given } from '#testing/given-when-then';
import type { BarSubject } from '../events';
import { account, authorize, complete, decided, defineBudget, key, ledger, project, team } from '../spec-kit';

const subjects: readonly [BarSubject, string, Parameters<typeof authorize>[1]][] = [
  [{ type: 'organization' }, 'organization_suspended', undefined],
  [{ type: 'project', id: project('a') }, 'project_suspended', { projectId: project('b') }],
  [account('a'), 'key_owner_disabled', { keyOwner: account('b') }],
  [{ type: 'api-key', id: key('a') }, 'api_key_revoked', { keyId: key('b') }],
];
const asked = (name: string) => authorize(name, { keyOwner: account('a') });

describe.each(subjects)('a bar on %j', (subject, code, other) => {
  const bar = { type: 'BarSubject', subject, reason: 'leaked' } as const;
  const unbar = { type: 'UnbarSubject', subject } as const;

  it('is recorded once', () => {
    given(ledger())
      .when(bar)
      .then({ type: 'SubjectBarred', data: { subject, reason: 'leaked' } })
      .andNothingWhenRepeated();
  });

  it('refuses every later call of its subject, and nobody else’s', () => {
    given(ledger(bar))
      .when(asked('1'))
      .thenRefused(code as 'api_key_revoked');
    if (other !== undefined) expect(decided(bar, authorize('1', other)).ok).toBe(true);
  });

  it('says nothing about keys that are nobody’s in particular, where it is about an owner', () => {
    expect(decided(bar, authorize('1')).ok).toBe(subject.type === 'service-account');
  });

  it('lets calls that run end as they would', () => {
    expect(decided(asked('1'), bar, complete('1', usd('0.01'))).events).toMatchObject([{ type: 'InferenceCompleted' }]);
  });

  it('is lifted once', () => {
    given(ledger(bar)).when(unbar).then({ type: 'SubjectUnbarred', data: { subject } }).andNothingWhenRepeated();
    given(ledger()).when(unbar).thenNothing();
    expect(decided(bar, unbar, asked('1')).ok).toBe(true);
  });
});

describe('a project’s team', () => {
  const assign = { type: 'AssignProject', projectId: project('a'), teamId: team('a') } as const;

  it('is recorded where it changes', () => {
    given(ledger())
      .when(assign)
      .then({ type: 'ProjectAssigned', data: { projectId: project('a'), teamId: team('a') } })
      .andNothingWhenRepeated();
    given(ledger(assign))
      .when({ type: 'AssignProject', projectId: project('a') })
      .then({ type: 'ProjectAssigned', data: { projectId: project('a') } })
      .andNothingWhenRepeated();
  });

  it('stays the call’s own after the project has moved', () => {
    const move = { ...assign, teamId: team('b') };
    const budget = defineBudget('b', { scope: { type: 'team', id: team('a') } });
    const { events } = decided(assign, budget, authorize('1'), move, complete('1', usd('0')));
    expect(events[0]).toMatchObject({ type: 'InferenceCompleted', data: { teamId: team('a') } });
  });
});

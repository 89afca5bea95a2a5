import { type BootId, type EpochMs, epochMs, type OrganizationId } from '#kernel';
import { given } from '#testing/given-when-then';
import { type ClaimCommand, claimDecider, DOUBT_MS } from './decider';
import type { ClaimEvent } from './events';

const subject = 'org_01k00000000000000000000acm' as OrganizationId;
const me = 'boot_01k00000000000000000000001' as BootId;
const other = 'boot_01k00000000000000000000002' as BootId;
const NOW = epochMs(1_767_225_600_000);

const take = (bootId: BootId, over?: BootId): ClaimCommand => ({
  type: 'TakeClaim',
  subject,
  bootId,
  at: NOW,
  ...(over === undefined ? {} : { over }),
});
const taken = (bootId: BootId, at: EpochMs = NOW): ClaimEvent => ({
  type: 'ClaimTaken',
  data: { subject, bootId, at },
});
const released = (bootId: BootId): ClaimEvent => ({ type: 'ClaimReleased', data: { subject, bootId } });

describe('a claim', () => {
  it('goes to whoever asks while it is free', () => {
    given(claimDecider).when(take(me)).then(taken(me));
    given(claimDecider, taken(other), released(other)).when(take(me)).then(taken(me));
  });

  it('is refused while another gateway holds it, unless that one is named as dead', () => {
    given(claimDecider, taken(other)).when(take(me)).thenRefused('claim_held');
    given(claimDecider, taken(other)).when(take(me, other)).then(taken(me));
  });

  it('is released by its holder alone', () => {
    given(claimDecider, taken(me)).when({ type: 'ReleaseClaim', bootId: me }).then(released(me));
    given(claimDecider, taken(other)).when({ type: 'ReleaseClaim', bootId: me }).thenRefused('claim_lost');
  });

  it('remembers for a while who was overtaken', () => {
    const fold = (...events: readonly ClaimEvent[]) => events.reduce(claimDecider.evolve, claimDecider.initialState);
    const overtaken = [taken(other), taken(me), released(me)] as const;
    expect(fold(...overtaken).overtaken).toEqual([{ at: NOW }]);
    expect(fold(...overtaken, taken(me, epochMs(NOW + DOUBT_MS - 1))).overtaken).toHaveLength(1);
    expect(fold(...overtaken, taken(me, epochMs(NOW + DOUBT_MS))).overtaken).toHaveLength(0);
  });
});

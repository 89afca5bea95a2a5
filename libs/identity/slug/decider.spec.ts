import type { OrganizationId } from '#kernel';
import { epochMs } from '#kernel';
import { given } from '#testing/given-when-then';
import type { ReserveSlug } from './decider';
import { SLUG_RESERVATION_MS, slugDecider } from './decider';
import type { SlugEvent } from './events';
import type { OrganizationSlug } from './slug';

const NOW = epochMs(1_767_225_600_000);
const LATER = epochMs(NOW + SLUG_RESERVATION_MS);
const acme = 'org_01k00000000000000000000acm' as OrganizationId;
const rival = 'org_01k00000000000000000000rvl' as OrganizationId;

const reserve = (change: Partial<ReserveSlug> = {}): ReserveSlug => ({
  type: 'ReserveSlug',
  slug: 'acme',
  orgId: acme,
  at: NOW,
  holderRegistered: false,
  ...change,
});
const reserved = (orgId = acme, reservedAt = NOW): SlugEvent => ({
  type: 'SlugReserved',
  data: { slug: 'acme' as OrganizationSlug, orgId, reservedAt },
});

describe('reserving a slug', () => {
  it('gives a free slug to whoever asks first', () => {
    given(slugDecider).when(reserve()).then(reserved()).andNothingWhenRepeated();
  });

  it.each(['', 'a', 'me', 'Acme', '1acme', 'ac me', 'org_01k00000000000000000000acm', 'a'.repeat(64)])(
    'refuses "%s", which is no slug',
    (slug) => given(slugDecider).when(reserve({ slug })).thenRefused('invalid_slug'),
  );

  it('decides nothing for its holder, before and after it registered', () => {
    given(slugDecider, reserved()).when(reserve()).thenNothing();
    given(slugDecider, reserved())
      .when(reserve({ at: LATER, holderRegistered: true }))
      .thenNothing();
  });

  it('keeps a registered slug for ever', () => {
    given(slugDecider, reserved())
      .when(reserve({ orgId: rival, at: LATER, holderRegistered: true }))
      .thenRefused('slug_taken');
  });

  it('leaves its holder five minutes to register', () => {
    given(slugDecider, reserved())
      .when(reserve({ orgId: rival, at: epochMs(LATER - 1) }))
      .thenRefused('slug_reserved', { freeAt: LATER });
  });

  it('lets somebody else take it over when the holder crashed before it registered', () => {
    given(slugDecider, reserved())
      .when(reserve({ orgId: rival, at: LATER }))
      .then(reserved(rival, LATER))
      .andNothingWhenRepeated();
  });

  it('renews a lapsed reservation for its own holder, who may still register', () => {
    given(slugDecider, reserved())
      .when(reserve({ at: LATER }))
      .then(reserved(acme, LATER));
  });
});

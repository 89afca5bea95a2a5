import type { Decider, Decision, EpochMs, OrganizationId, Refusal } from '#kernel';
import { accepted, epochMs, refused } from '#kernel';
import type { SlugEvent } from './events';
import type { OrganizationSlug } from './slug';
import { parseSlug, SLUG_RULE } from './slug';

/**
 * Who holds a slug. No store appends to two streams at once, so registering an organization takes two steps:
 *
 * 1. reserve the slug here, naming the organization's id;
 * 2. register the organization (its decider demands the reservation's time).
 *
 * A crash between them leaves a reservation whose organization has no events. It heals by itself: whoever wants the
 * slug next looks whether the named organization has events (`holderRegistered`) and takes the reservation over if it
 * has none. So that nobody loses a slug in the middle of registering, a reservation cannot be taken over for
 * SLUG_RESERVATION_MS; and so that a process that was paused does not register on a reservation which may since have
 * been taken over, registering is refused from then on. A slug, once registered, is never free again: not even a
 * closed organization's links may lead to somebody else. This stream is what resolves a slug to an organization.
 */
export const SLUG_RESERVATION_MS = 5 * 60 * 1_000;

export interface ReserveSlug {
  readonly type: 'ReserveSlug';
  readonly slug: string;
  readonly orgId: OrganizationId;
  readonly at: EpochMs;
  /** Whether the organization that the reservation names now has any event; false where there is no reservation. */
  readonly holderRegistered: boolean;
}

/** In order of precedence. */
export type SlugRefusal =
  | Refusal<'invalid_slug'>
  /** For good. */
  | Refusal<'slug_taken'>
  /** By somebody who is registering right now, or has crashed: time tells. */
  | Refusal<'slug_reserved', { readonly freeAt: EpochMs }>;

export type SlugState =
  | { readonly status: 'free' }
  | {
      readonly status: 'reserved';
      readonly slug: OrganizationSlug;
      readonly orgId: OrganizationId;
      readonly reservedAt: EpochMs;
    };

function decide(command: ReserveSlug, state: SlugState): Decision<SlugEvent, SlugRefusal> {
  const { orgId, at } = command;
  const slug = parseSlug(command.slug);
  if (slug === undefined) return refused({ code: 'invalid_slug', message: `This is no slug: ${SLUG_RULE}.` });
  const reserve = () => accepted<SlugEvent>({ type: 'SlugReserved', data: { slug, orgId, reservedAt: at } });
  if (state.status === 'free') return reserve();

  const running = at < state.reservedAt + SLUG_RESERVATION_MS;
  // Renewed when it has lapsed unused, for otherwise its holder could never register.
  if (state.orgId === orgId) return command.holderRegistered || running ? accepted() : reserve();
  if (command.holderRegistered)
    return refused({
      code: 'slug_taken',
      message: `The slug ${slug} belongs to another organization: choose another.`,
    });
  if (!running) return reserve();
  const freeAt = epochMs(state.reservedAt + SLUG_RESERVATION_MS);
  const message = `Somebody is registering the slug ${slug}: choose another, or try again in 5 minutes.`;
  return refused({ code: 'slug_reserved', message, details: { freeAt } });
}

function evolve(_state: SlugState, event: SlugEvent): SlugState {
  return { status: 'reserved', ...event.data };
}

export const slugDecider: Decider<ReserveSlug, SlugState, SlugEvent, SlugRefusal> = {
  initialState: { status: 'free' },
  decide,
  evolve,
};

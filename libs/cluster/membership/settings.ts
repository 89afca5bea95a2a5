/** How long things take in a cluster. All are measured with monotonic clocks, so no two machines need to agree. */
export interface MembershipSettings {
  /** Between two beats of one gateway. */
  readonly beatMs: number;
  /** What a gateway knows may be at most so old: beyond it, nothing that it remembers can be relied on. */
  readonly freshMsMax: number;
  /** For so long others take a gateway for alive after they have last heard of it. */
  readonly leaseMs: number;
  /** A gateway gives up its own lease so much earlier than the others do. */
  readonly marginMs: number;
  /** A gateway whose clock is further from the store's than this must not decide about time. */
  readonly skewMsMax: number;
  /** How long `stop()` may take. */
  readonly stopMsMax: number;
  /** Gateways that are remembered, the living and the dead each; beyond it the one heard of longest ago is forgotten. */
  readonly gatewaysMax: number;
}

export const DEFAULT_MEMBERSHIP_SETTINGS: MembershipSettings = {
  beatMs: 500,
  freshMsMax: 2_000,
  leaseMs: 15_000,
  marginMs: 5_000,
  skewMsMax: 1_000,
  stopMsMax: 2_000,
  gatewaysMax: 10_000,
};

/** @throws RangeError when the times contradict each other: then a lease would prove nothing. */
export function membershipSettings(given: Partial<MembershipSettings>): MembershipSettings {
  const settings = { ...DEFAULT_MEMBERSHIP_SETTINGS, ...given };
  const { beatMs, freshMsMax, leaseMs, marginMs } = settings;
  if (!(beatMs > 0 && freshMsMax >= 2 * beatMs))
    throw new RangeError(`freshMsMax (${freshMsMax}) must be at least two beats of ${beatMs} ms`);
  // A gateway that gives up its lease must have done so before anybody whose knowledge is freshMsMax old can miss it.
  if (!(marginMs > freshMsMax)) throw new RangeError(`marginMs (${marginMs}) must exceed freshMsMax (${freshMsMax})`);
  if (!(leaseMs >= marginMs + freshMsMax))
    throw new RangeError(`leaseMs (${leaseMs}) must be at least marginMs and freshMsMax together`);
  return settings;
}

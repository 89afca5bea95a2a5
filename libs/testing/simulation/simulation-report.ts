export interface SimulationReport {
  readonly events: number;
  readonly calls: number;
  readonly steps: number;
  readonly phases: Readonly<Record<string, number>>;
  /** Of several gateways; all 0 where there is none but one. */
  readonly between: ClusterCounts;
}

export interface ClusterCounts {
  readonly conflicts: number;
  readonly forwards: number;
  readonly lostForwards: number;
  /** Authorizations that another gateway recorded for their owner. */
  readonly recordedForOthers: number;
  readonly pauses: number;
  /** Holds that were taken from an owner that lived, but was not heard of. */
  readonly expiriesOfLiving: number;
}

export const NOTHING_BETWEEN: ClusterCounts = {
  conflicts: 0,
  forwards: 0,
  lostForwards: 0,
  recordedForOthers: 0,
  pauses: 0,
  expiriesOfLiving: 0,
};

export interface SimulationOptions {
  /** So many gateways that know of each other; without it, processes that only meet in the store. */
  readonly gateways?: number;
}

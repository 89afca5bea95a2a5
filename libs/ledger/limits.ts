import type { ApiKeyId, EpochMs } from '#kernel';
import type { Limits } from './events';
import { type BucketLevel, type BucketUnit, bucketKey, type LedgerState, parseBucketKey } from './state';

/** What a key may do when nobody has set its limits. An organization has none by default. */
export const DEFAULT_KEY_LIMITS = { requestsPerMinute: 100, burst: 200, concurrency: 10 } as const satisfies Limits;

/** A bucket's shape: how much it holds and how fast it fills. */
export interface BucketShape {
  readonly capacity: number;
  readonly perMinute: number;
}

const SCALE = 60_000;

export function keyLimits(state: LedgerState, keyId: ApiKeyId): Limits {
  return state.keyLimits.get(keyId) ?? DEFAULT_KEY_LIMITS;
}

/** The shape of a bucket under these limits; `undefined` where there is no such limit. */
export function bucketShape(limits: Limits, unit: BucketUnit): BucketShape | undefined {
  switch (unit) {
    case 'requests':
      if (limits.requestsPerMinute === undefined) return undefined;
      return {
        capacity: limits.burst ?? limits.requestsPerMinute * 2,
        perMinute: limits.requestsPerMinute,
      };
    case 'tokens':
      if (limits.tokensPerMinute === undefined) return undefined;
      return { capacity: limits.tokensPerMinute, perMinute: limits.tokensPerMinute };
  }
}

function scaledLevel(shape: BucketShape, bucket: BucketLevel | undefined, at: EpochMs): number {
  const full = shape.capacity * SCALE;
  if (bucket === undefined) return full;
  return Math.min(full, bucket.level + Math.max(0, at - bucket.at) * shape.perMinute);
}

/** Whole tokens in the bucket at this time. */
export function bucketRemaining(shape: BucketShape, bucket: BucketLevel | undefined, at: EpochMs): number {
  return Math.max(0, Math.floor(scaledLevel(shape, bucket, at) / SCALE));
}

/** What a call really takes: never more than a full bucket holds, or a large call could never pass. */
export function bucketDemand(shape: BucketShape, amount: number): number {
  return Math.min(amount, shape.capacity);
}

/** Milliseconds until the bucket holds the amount; 0 when it does. */
export function bucketWaitMs(shape: BucketShape, bucket: BucketLevel | undefined, amount: number, at: EpochMs): number {
  const missing = bucketDemand(shape, amount) * SCALE - scaledLevel(shape, bucket, at);
  if (missing <= 0) return 0;
  // A bucket that never fills (0 per minute) is asked again after the longest wait that clients are told.
  return shape.perMinute === 0 ? SCALE : Math.ceil(missing / shape.perMinute);
}

/** Milliseconds until the bucket is full. */
export function bucketResetMs(shape: BucketShape, bucket: BucketLevel | undefined, at: EpochMs): number {
  return bucketWaitMs(shape, bucket, shape.capacity, at);
}

/** Takes an amount (a negative one refunds, at most to the brim); `undefined` when the bucket is then full. */
export function bucketAfter(
  shape: BucketShape,
  bucket: BucketLevel | undefined,
  amount: number,
  at: EpochMs,
): BucketLevel | undefined {
  const level = Math.min(shape.capacity * SCALE, scaledLevel(shape, bucket, at) - amount * SCALE);
  return level >= shape.capacity * SCALE ? undefined : { level, at };
}

function shapeOf(state: LedgerState, key: string): BucketShape | undefined {
  const [unit, target] = parseBucketKey(key);
  return bucketShape(target === 'organization' ? state.organizationLimits : keyLimits(state, target), unit);
}

/** Forgets buckets that have filled up again, and those without a limit: an absent bucket is full. */
export function withoutFullBuckets(state: LedgerState, at: EpochMs): LedgerState['buckets'] {
  return state.buckets.filter((bucket, key) => {
    const shape = shapeOf(state, key);
    return shape !== undefined && scaledLevel(shape, bucket, at) < shape.capacity * SCALE;
  });
}

export interface BucketRef {
  readonly key: string;
  readonly unit: BucketUnit;
  readonly scope: 'api-key' | 'organization';
  readonly shape: BucketShape;
}

/** The buckets that a call of this key draws from. */
export function bucketsOf(state: LedgerState, keyId: ApiKeyId): readonly BucketRef[] {
  const refs: BucketRef[] = [];
  const own = keyLimits(state, keyId);
  for (const unit of ['requests', 'tokens'] as const) {
    const keyShape = bucketShape(own, unit);
    if (keyShape !== undefined) refs.push({ key: bucketKey(unit, keyId), unit, scope: 'api-key', shape: keyShape });
    const orgShape = bucketShape(state.organizationLimits, unit);
    if (orgShape !== undefined)
      refs.push({ key: bucketKey(unit, 'organization'), unit, scope: 'organization', shape: orgShape });
  }
  return refs;
}

/**
 * Distributions of whole, non-negative numbers such as milliseconds, in log-linear buckets: up to 32 every number has
 * its own; above, each doubling is cut into 16 equal ones. A quantile is answered with its bucket's middle, so it is off
 * by at most 1/32 (3.2 %). Buckets are the same everywhere, so histograms of hours add up to those of a year.
 *
 * Encoded: for each bucket with a count, ascending, its index as two base-36 digits, the count in decimal, and a comma.
 * Because addition is all that is done with them, encoded histograms may simply be put one after the other; such a text
 * reads as their sum.
 */
export type EncodedHistogram = string;

const SUB_BUCKETS = 16;
const EXACT_BELOW = 2 * SUB_BUCKETS;
/** Values above (some 12 days in milliseconds) count as this one. */
export const HISTOGRAM_VALUE_MAX = 2 ** 30 - 1;
export const HISTOGRAM_BUCKETS = bucketOf(HISTOGRAM_VALUE_MAX) + 1;

export const EMPTY_HISTOGRAM: EncodedHistogram = '';

function bucketOf(value: number): number {
  if (value < EXACT_BELOW) return value;
  const octave = 31 - Math.clz32(value);
  const shift = octave - 4;
  return (octave - 3) * SUB_BUCKETS + ((value >>> shift) - SUB_BUCKETS);
}

/** The middle of a bucket, rounded down. */
function middleOf(bucket: number): number {
  if (bucket < EXACT_BELOW) return bucket;
  const octave = Math.floor(bucket / SUB_BUCKETS) + 3;
  const width = 2 ** (octave - 4);
  const low = (SUB_BUCKETS + (bucket % SUB_BUCKETS)) * width;
  return low + Math.floor((width - 1) / 2);
}

function codeOf(bucket: number): string {
  return bucket.toString(36).padStart(2, '0');
}

/** The bucket that counts a value, whatever value it is. */
function bucketFor(value: number): number {
  return bucketOf(Math.min(Math.max(0, Math.round(value)), HISTOGRAM_VALUE_MAX));
}

/** The histogram of one value. */
export function histogramOf(value: number): EncodedHistogram {
  return `${codeOf(bucketFor(value))}1,`;
}

const COMMA = 44;

function digit(code: number): number {
  const value = code <= 57 ? code - 48 : code - 87;
  if (!(value >= 0 && value < 36)) throw new RangeError('this text is no histogram');
  return value;
}

/** Counts per bucket. */
export class Histogram {
  readonly #counts: number[] = new Array<number>(HISTOGRAM_BUCKETS).fill(0);

  /** Reads one encoded histogram, or several put one after the other. @throws RangeError */
  static decode(encoded: EncodedHistogram): Histogram {
    return new Histogram().add(encoded);
  }

  /** Adds (or, with a negative count, takes out) values. */
  record(value: number, count = 1): this {
    const bucket = bucketFor(value);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    return this;
  }

  add(encoded: EncodedHistogram): this {
    let at = 0;
    while (at < encoded.length) {
      const bucket = digit(encoded.charCodeAt(at)) * 36 + digit(encoded.charCodeAt(at + 1));
      let count = 0;
      for (at += 2; at < encoded.length && encoded.charCodeAt(at) !== COMMA; at += 1)
        count = count * 10 + digit(encoded.charCodeAt(at));
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      at += 1;
    }
    return this;
  }

  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** The value that a share (0 to 1) of the values does not exceed; `undefined` where there is none. */
  quantile(share: number): number | undefined {
    const rank = Math.max(1, Math.ceil(share * this.total));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (count > 0 && seen >= rank) return middleOf(bucket);
    }
    return undefined;
  }

  encode(): EncodedHistogram {
    let text = '';
    this.#counts.forEach((count, bucket) => {
      if (count !== 0) text += `${codeOf(bucket)}${count},`;
    });
    return text;
  }
}

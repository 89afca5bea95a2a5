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
const NO_DIGIT = 99;
/** The value of each base-36 digit by its character code. */
const DIGITS = new Uint8Array(128).fill(NO_DIGIT);
for (let value = 0; value < 36; value += 1) DIGITS[value.toString(36).charCodeAt(0)] = value;

function notEncoded(): RangeError {
  return new RangeError('this text is no histogram');
}

/** Counts per bucket. */
export class Histogram {
  readonly #counts = new Float64Array(HISTOGRAM_BUCKETS);

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

  /** @throws RangeError when the text is no histogram. */
  add(encoded: EncodedHistogram): this {
    const counts = this.#counts;
    const digitAt = (index: number) => DIGITS[encoded.charCodeAt(index)] ?? NO_DIGIT;
    for (let at = 0; at < encoded.length; at += 1) {
      const [high, low] = [digitAt(at), digitAt(at + 1)];
      const bucket = high * 36 + low;
      if (high === NO_DIGIT || low === NO_DIGIT || bucket >= HISTOGRAM_BUCKETS) throw notEncoded();
      let count = 0;
      for (at += 2; encoded.charCodeAt(at) !== COMMA; at += 1) {
        const digit = digitAt(at);
        if (digit > 9) throw notEncoded();
        count = count * 10 + digit;
      }
      counts[bucket] = (counts[bucket] ?? 0) + count;
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
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket += 1) {
      const count = this.#counts[bucket] ?? 0;
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

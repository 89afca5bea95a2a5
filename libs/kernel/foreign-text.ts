import { redactSecrets } from './redact-secrets';

const encoder = new TextEncoder();

/** The largest foreign string that goes into an event as it is. */
export const FOREIGN_TEXT_BYTES_MAX = 256;

/**
 * Makes a string that came from outside fit for the record: lone surrogates become U+FFFD, and what exceeds the limit
 * is cut at a character boundary and marked with an ellipsis. A secret that somebody pasted where it does not belong is
 * left out.
 */
export function foreignText(text: string, bytesMax: number = FOREIGN_TEXT_BYTES_MAX): string {
  const wellFormed = redactSecrets(text.slice(0, bytesMax + 1)).toWellFormed();
  if (text.length <= bytesMax && encoder.encode(wellFormed).length <= bytesMax) return wellFormed;
  let kept = '';
  let bytes = 3; // The ellipsis takes three bytes in UTF-8.
  for (const character of wellFormed) {
    bytes += encoder.encode(character).length;
    if (bytes > bytesMax) break;
    kept += character;
  }
  return `${kept}…`;
}

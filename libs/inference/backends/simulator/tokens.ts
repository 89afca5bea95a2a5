/**
 * The simulator's tokenizer: a token is at most four UTF-16 units and ends with its word; white space belongs to the
 * word that follows it. Every token has at least one byte, so a count never exceeds the byte bound.
 */
const UNITS_PER_TOKEN = 4;

function isSpace(unit: number): boolean {
  return unit <= 0x20;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** Where the token that begins at `from` ends. */
function tokenEnd(text: string, from: number): number {
  const limit = Math.min(from + UNITS_PER_TOKEN, text.length);
  let end = from;
  let inWord = false;
  while (end < limit) {
    const space = isSpace(text.charCodeAt(end));
    if (space && inWord) break;
    inWord ||= !space;
    end += 1;
  }
  // A pair of surrogates is one character and stays together.
  return end < text.length && isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end;
}

export function countSimulatedTokens(text: string): number {
  let tokens = 0;
  for (let at = 0; at < text.length; at = tokenEnd(text, at)) tokens += 1;
  return tokens;
}

/** The first `tokensMax` tokens, joined to pieces of `pieceTokens` each. */
export function simulatedPieces(text: string, tokensMax: number, pieceTokens: number): string[] {
  const pieces: string[] = [];
  let start = 0;
  let at = 0;
  for (let tokens = 1; at < text.length && tokens <= tokensMax; tokens += 1) {
    at = tokenEnd(text, at);
    if (tokens % pieceTokens !== 0) continue;
    pieces.push(text.slice(start, at));
    start = at;
  }
  if (at > start) pieces.push(text.slice(start, at));
  return pieces;
}

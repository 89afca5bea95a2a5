import { Empty } from '@eventstore/db-client/generated/shared_pb';
import { ReadReq } from '@eventstore/db-client/generated/streams_pb';
import { streamIdentifier } from './append-messages';

const { Options } = ReadReq;

export type Direction = 'forwards' | 'backwards';

function commonOptions(): ReadReq.Options {
  const uuidOption = new Options.UUIDOption();
  uuidOption.setString(new Empty());
  const options = new Options();
  options.setUuidOption(uuidOption);
  options.setResolveLinks(false);
  return options;
}

function setDirection(options: ReadReq.Options, direction: Direction): void {
  const { FORWARDS, BACKWARDS } = Options.ReadDirection;
  options.setReadDirection(direction === 'forwards' ? FORWARDS : BACKWARDS);
}

function request(options: ReadReq.Options): ReadReq {
  const message = new ReadReq();
  message.setOptions(options);
  return message;
}

/** Reads a stream from a revision inclusively, or from its start or end. */
export function streamPageRequest(
  stream: string,
  direction: Direction,
  from: bigint | undefined,
  eventsMax: number,
): ReadReq {
  const place = new Options.StreamOptions();
  place.setStreamIdentifier(streamIdentifier(stream));
  if (from !== undefined) place.setRevision(from.toString());
  else if (direction === 'forwards') place.setStart(new Empty());
  else place.setEnd(new Empty());
  const options = commonOptions();
  options.setStream(place);
  options.setCount(eventsMax.toString());
  options.setNoFilter(new Empty());
  setDirection(options, direction);
  return request(options);
}

/**
 * Reads every stream; a position is inclusive forwards and exclusive backwards. 0n is the start. A filter saves sending
 * what nobody wants, but its window still bounds how much one page may search.
 */
export function allPageRequest(
  direction: Direction,
  from: bigint | undefined,
  eventsMax: number,
  filter?: ReadReq.Options.FilterOptions,
): ReadReq {
  const options = commonOptions();
  options.setAll(allPlace(direction, from));
  options.setCount(eventsMax.toString());
  if (filter === undefined) options.setNoFilter(new Empty());
  else options.setFilter(filter);
  setDirection(options, direction);
  return request(options);
}

function allPlace(direction: Direction, from: bigint | undefined): ReadReq.Options.AllOptions {
  const place = new Options.AllOptions();
  if (from === undefined && direction === 'backwards') place.setEnd(new Empty());
  else if (from === undefined || from === 0n) place.setStart(new Empty());
  else {
    const position = new Options.Position();
    position.setCommitPosition(from.toString());
    position.setPreparePosition(from.toString());
    place.setPosition(position);
  }
  return place;
}

/** How many records the server looks at before it says how far it has come, so that a rare prefix is no full scan. */
const WINDOW_RECORDS = 1_024;

/** Streams that begin with one of the prefixes; without prefixes, all but the server's own. */
export function streamNameFilter(streamPrefixes: readonly string[] | undefined): ReadReq.Options.FilterOptions {
  const expression = new Options.FilterOptions.Expression();
  // Not the server's prefix filter: it compares by the rules of a language, so "a" is no prefix of "á" in two characters.
  expression.setRegex(streamPrefixes === undefined ? '^[^$]' : prefixExpression(streamPrefixes));
  const filter = new Options.FilterOptions();
  filter.setStreamIdentifier(expression);
  filter.setMax(WINDOW_RECORDS);
  filter.setCheckpointintervalmultiplier(1);
  return filter;
}

function prefixExpression(streamPrefixes: readonly string[]): string {
  if (streamPrefixes.length === 0) return '(?!)';
  return `^(?:${streamPrefixes.map(literalExpression).join('|')})`;
}

function literalExpression(text: string): string {
  return text.replace(/[^0-9A-Za-z]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Subscribes after a position; 0n: from the start. */
export function subscriptionRequest(after: bigint, streamPrefixes: readonly string[] | undefined): ReadReq {
  const options = commonOptions();
  options.setAll(allPlace('forwards', after));
  options.setSubscription(new Options.SubscriptionOptions());
  options.setFilter(streamNameFilter(streamPrefixes));
  setDirection(options, 'forwards');
  return request(options);
}

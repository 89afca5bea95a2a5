import { API_KEY_STREAM_PREFIX, type ApiKeyEvent, apiKeyCodec } from '#identity/api-key';
import { ORGANIZATION_STREAM_PREFIX, organizationCodec } from '#identity/organization';
import { SLUG_STREAM_PREFIX, slugCodec } from '#identity/slug';
import { SYSTEM_TOKEN_STREAM_PREFIX, systemTokenCodec } from '#identity/system-token';
import type { StoredEvent } from '#kernel';
import { LEDGER_STREAM_PREFIX, type LedgerEvent, ledgerCodec } from '#ledger';
import type { EventSource } from '#read-store';

/** The contexts whose events views are made of. */
export const ledgerEvents: EventSource<LedgerEvent> = { streamPrefix: LEDGER_STREAM_PREFIX, codec: ledgerCodec };
export const apiKeyEvents: EventSource<ApiKeyEvent> = { streamPrefix: API_KEY_STREAM_PREFIX, codec: apiKeyCodec };

/** Streams of which some types are known; any other type there is new to this program. */
const KNOWN_TYPES: readonly { readonly streamPrefix: string; readonly types: ReadonlySet<string> }[] = [
  { streamPrefix: LEDGER_STREAM_PREFIX, types: new Set(ledgerCodec.types) },
  { streamPrefix: API_KEY_STREAM_PREFIX, types: new Set(apiKeyCodec.types) },
  { streamPrefix: ORGANIZATION_STREAM_PREFIX, types: new Set(organizationCodec.types) },
  { streamPrefix: SLUG_STREAM_PREFIX, types: new Set(slugCodec.types) },
  { streamPrefix: SYSTEM_TOKEN_STREAM_PREFIX, types: new Set(systemTokenCodec.types) },
];

/** Streams of contexts that no view is made of. */
const OTHER_STREAMS = [
  'access-',
  'catalogue',
  'claim-',
  'commandKey-',
  'gateway-',
  'installation',
  'security-',
] as const;

/** Whether this program knows what an event is about, even where no view needs it. */
export function isKnownEvent({ stream, type }: Pick<StoredEvent, 'stream' | 'type'>): boolean {
  const known = KNOWN_TYPES.find(({ streamPrefix }) => stream.startsWith(streamPrefix));
  return known === undefined ? OTHER_STREAMS.some((prefix) => stream.startsWith(prefix)) : known.types.has(type);
}

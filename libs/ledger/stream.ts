import { type OrganizationId, parseId, type StreamName } from '#kernel';

/** All ledgers' streams begin with this. */
export const LEDGER_STREAM_PREFIX = 'ledger-';

/** One ledger per organization: the consistency boundary of its money and limits. */
export function ledgerStream(orgId: OrganizationId): StreamName {
  return `${LEDGER_STREAM_PREFIX}${orgId}` as StreamName;
}

export function parseLedgerStream(stream: string): OrganizationId | undefined {
  return stream.startsWith(LEDGER_STREAM_PREFIX)
    ? parseId('org', stream.slice(LEDGER_STREAM_PREFIX.length))
    : undefined;
}

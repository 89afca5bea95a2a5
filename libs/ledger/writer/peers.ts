import type { BootId, EpochMs, EventId, OrganizationId } from '#kernel';
import type { LedgerCommand } from '../commands';
import type { LedgerRefusal } from '../refusals';
import type { CommandMetadata, SubmitOptions } from './types';

/** One command that another gateway is asked to record. */
export interface ForwardedCommand {
  readonly command: LedgerCommand;
  readonly metadata: CommandMetadata;
  /** How long the call is still willing to wait for others to end; the asked gateway does not wait, but says so. */
  readonly waitMs?: SubmitOptions['waitMs'];
  readonly firstEventId?: EventId;
  /**
   * Ledger time after which the asked gateway records nothing of it any more, unless it ends a call. By then its own
   * gateway has decided it again; and the ledger, which forgets a call soon after its end, would authorize it anew.
   */
  readonly deadline: EpochMs;
}

/** What became of a forwarded command. */
export type ForwardedOutcome =
  | {
      readonly kind: 'recorded';
      /** Of its events, in order; none where there was nothing to record. */
      readonly eventIds: readonly EventId[];
      readonly position: bigint;
      /** For `RecordRefusal`: the event that records, or will count, the refusal. */
      readonly eventId?: EventId;
    }
  | { readonly kind: 'refused'; readonly refusal: LedgerRefusal; readonly eventId?: EventId }
  /**
   * Nothing was recorded, and its own gateway decides it again: it is refused for now and would rather wait, or came
   * after its deadline, or the peer loses to a third gateway itself, or waits for one that it has asked.
   */
  | { readonly kind: 'waiting' }
  /** It is not known whether it was, or will yet be, recorded. */
  | { readonly kind: 'unknown'; readonly message: string };

/**
 * The other gateways that write the same ledgers. Whom to ask is a hint, never a right: the expected revision alone
 * decides what is recorded.
 */
export interface LedgerPeers {
  /** This process, as it names itself in the metadata of what it records. */
  readonly self: BootId;
  /**
   * Asks another gateway to record commands of one ledger, in order, within a time. A rejection means the same as
   * `unknown` for every one of them.
   */
  forward(
    to: BootId,
    orgId: OrganizationId,
    commands: readonly ForwardedCommand[],
    timeoutMs: number,
  ): Promise<readonly ForwardedOutcome[]>;
}

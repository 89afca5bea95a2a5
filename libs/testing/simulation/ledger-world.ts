import { MemoryEventStore } from '#event-store/memory';
import { type BootId, composeEventId, composeId, epochMs, type OrganizationId, type StoredEvent } from '#kernel';
import {
  type LedgerCommand,
  type LedgerEvent,
  type LedgerOutcome,
  LedgerService,
  type LedgerServiceOptions,
  type LedgerWriterSettings,
  ledgerCodec,
  ledgerStream,
  type SubmitOptions,
} from '#ledger';
import { type AppendFault, FaultyEventStore } from './faulty-event-store';
import { PassingEventStore } from './passing-event-store';
import { type ForwardRoute, PeerNetwork } from './peer-network';
import { Random } from './random';
import { VirtualTime } from './virtual-time';

export interface LedgerWorldOptions {
  readonly settings?: Partial<LedgerWriterSettings>;
  readonly warmLedgersMax?: number;
  readonly isOwnerAlive?: (owner: string) => boolean;
  readonly onHistoryChanged?: NonNullable<LedgerServiceOptions['onHistoryChanged']>;
  readonly onContention?: NonNullable<LedgerServiceOptions['onContention']>;
  /** Who it is among other gateways of the same ledgers; without it, it takes itself for the only one. */
  readonly boot?: BootId;
  /** How long its appends take to arrive. */
  readonly arrivesAfterMs?: number;
}

const START = epochMs(Date.parse('2026-05-13T12:00:00Z'));

/** One store and the time around it, for specs of what writes to it: faults are scripted, time passes when told to. */
export class LedgerWorld {
  readonly time = new VirtualTime(START);
  readonly record = new PassingEventStore(new MemoryEventStore());
  /** What becomes of the next requests from gateway to gateway, in order; after that all is fine. */
  readonly routes: ForwardRoute[] = [];
  readonly network = new PeerNetwork(this.time, () => this.routes.shift() ?? { fault: 'fine' });
  readonly org: OrganizationId;
  /** What becomes of the next appends, in order; after that all is fine. */
  readonly faults: AppendFault[] = [];
  /** While true, nothing can be appended or read. */
  isDown = false;
  /** Reads alone fail, so many times. */
  failedReads = 0;
  /** Every append takes so long to answer. */
  answersAfterMs = 0;
  appends = 0;
  private readonly random = new Random(1);

  constructor() {
    this.org = composeId('org', START, this.random.bytes(10));
  }

  /** A process with its own faulty way to the store. */
  service({ isOwnerAlive = () => true, boot, arrivesAfterMs = 0, ...options }: LedgerWorldOptions = {}): LedgerService {
    const store = new FaultyEventStore(this.record, (ms) => this.time.sleep(ms), {
      append: () => {
        this.appends += 1;
        const fault = this.isDown ? 'unavailable' : (this.faults.shift() ?? 'fine');
        return { fault, arrivesAfterMs, answersAfterMs: this.answersAfterMs };
      },
      isReadable: () => {
        this.failedReads -= 1;
        return !this.isDown && this.failedReads < 0;
      },
    });
    const ledger = new LedgerService(store, {
      clock: this.time,
      timers: this.time,
      newEventId: () => this.newEventId(),
      isOwnerAlive,
      ...(boot === undefined ? {} : { peers: this.network.peersOf(boot) }),
      ...options,
    });
    if (boot !== undefined) this.network.join(boot, { ledger, whileAlive: async () => {} });
    return ledger;
  }

  newEventId() {
    return composeEventId(this.time.now(), this.random.bytes(10));
  }

  newOrganization(): OrganizationId {
    return composeId('org', this.time.now(), this.random.bytes(10));
  }

  /** Everything on record, in order. */
  async events(org: OrganizationId = this.org): Promise<readonly LedgerEvent[]> {
    return (await this.stored(org)).flatMap((stored) => ledgerCodec.decode(stored)?.event ?? []);
  }

  async stored(org: OrganizationId = this.org): Promise<readonly StoredEvent[]> {
    const found: StoredEvent[] = [];
    for await (const stored of this.record.readStream(ledgerStream(org))) found.push(stored);
    return found;
  }
}

const SYSTEM = { actor: { type: 'system', id: 'test' } } as const;

/** How a submitted command went, readable at any time without waiting. */
export interface Submitted {
  /** `undefined` while it waits; the refusal's code; or what was thrown. */
  readonly answer: string | undefined;
  readonly eventId: string | undefined;
  readonly outcome: LedgerOutcome | undefined;
}

/** Submits a command; its answer can be looked at whenever time has passed. */
export function submit(
  service: LedgerService,
  org: OrganizationId,
  command: LedgerCommand,
  options?: SubmitOptions,
): Submitted {
  const submitted: { -readonly [Field in keyof Submitted]: Submitted[Field] } = {
    answer: undefined,
    eventId: undefined,
    outcome: undefined,
  };
  service.submit(org, command, SYSTEM, options).then(
    (outcome) => {
      submitted.answer = outcome.ok ? 'accepted' : outcome.refusal.code;
      submitted.eventId = outcome.eventId;
      submitted.outcome = outcome;
    },
    (error: unknown) => {
      submitted.answer = error instanceof Error ? error.constructor.name : 'thrown';
    },
  );
  return submitted;
}

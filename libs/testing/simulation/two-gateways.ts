import { type ApiKeyId, type BootId, epochMs } from '#kernel';
import {
  type Contention,
  type ForwardedCommand,
  type LedgerCommand,
  type LedgerService,
  ledgerCodec,
  type SubmitOptions,
} from '#ledger';
import { LedgerWorld, type LedgerWorldOptions, type Submitted, submit } from './ledger-world';

export const NEAR = 'boot_near' as BootId;
export const FAR_AWAY = 'boot_far' as BootId;

export interface TwoGatewaysOptions extends Omit<LedgerWorldOptions, 'boot' | 'onContention'> {
  readonly onContention?: (boot: BootId, what: Contention, commands: number) => void;
}

/** Two gateways of one ledger: appends of the far one take a tenth of a second to arrive, the near one's no time. */
export function twoGateways({ onContention, ...options }: TwoGatewaysOptions = {}) {
  const world = new LedgerWorld();
  const service = (boot: BootId, its: LedgerWorldOptions): LedgerService =>
    world.service({
      boot,
      ...its,
      ...(onContention === undefined ? {} : { onContention: (...told) => onContention(boot, ...told) }),
    });
  const near = service(NEAR, options);
  const far = service(FAR_AWAY, { arrivesAfterMs: 100, ...options });
  near.watch();
  far.watch();
  let writes = 0;
  /** Something that has nothing to do with calls. */
  const nearWrites = () => {
    writes += 1;
    const subject = { type: 'api-key', id: 'key_z' as ApiKeyId } as const;
    submit(near, world.org, { type: writes % 2 === 1 ? 'BarSubject' : 'UnbarSubject', subject, reason: 'test' });
  };
  return {
    world,
    near,
    far,
    toNear: (command: LedgerCommand, to?: SubmitOptions): Submitted => submit(near, world.org, command, to),
    /** A command as a third gateway would ask for it now, which waits ten seconds for it at most. */
    forwarded: (command: LedgerCommand, more: Partial<ForwardedCommand> = {}): ForwardedCommand => ({
      command,
      metadata: { actor: { type: 'system', id: 'third' } },
      deadline: epochMs(world.time.now() + 10_000),
      ...more,
    }),
    toFar: (command: LedgerCommand, to?: SubmitOptions): Submitted => submit(far, world.org, command, to),
    /** What the far one has just sent arrives after something of the near one's, twice. */
    farLosesTwice: async () => {
      for (const _ of ['first', 'second']) {
        await world.time.pass(50);
        nearWrites();
        await world.time.pass(50);
      }
    },
    /** What has happened to calls, in order. */
    calls: async () =>
      (await world.events()).filter(({ type }) => type.startsWith('Inference')).map(({ type }) => type),
    /** Which gateway recorded what. */
    gateways: async () =>
      (await world.stored()).map((stored) => [stored.type, ledgerCodec.decode(stored)?.metadata.gateway]),
  };
}

import {
  fingerprintOf,
  hashSecret,
  isLastingAdministrator,
  newSystemTokenSecret,
  parseSystemTokenSecret,
  SECRET_RANDOM_BYTES,
  type SystemTokenCommand,
  type SystemTokenState,
  systemTokenStream,
} from '#identity';
import type { EpochMs, SystemTokenId } from '#kernel';
import { type Claim, SYSTEM_TOKENS } from '../claims';
import { type CommandContext, metadataOf, optionsOf, under } from '../command-context';
import type { ControlRecords } from '../records';
import { type ControlRefusal, refuse } from '../refusals';
import type { Executed } from '../warm-aggregates';
import type { TwoStepCommands } from './two-step-commands';

/** The platform's own administrator, in whose name system tokens speak. */
export const SYSTEM_ADMINISTRATOR = { type: 'system', id: 'administrator' } as const;

export interface SystemTokenWanted {
  readonly name: string;
  readonly expiresAt?: EpochMs;
}

export type SystemTokenExecuted = Executed<SystemTokenState, ControlRefusal>;
/** With the secret that this command made, which is shown once. */
export type SystemTokenWithSecret = SystemTokenExecuted & { readonly secret?: string };

/** A token of the administrator as the record has it. */
export type KnownSystemToken = Exclude<SystemTokenState, { status: 'none' }>;

/** Commands of the administrator's tokens: no organization has a part in them. */
export class SystemTokenCommands {
  constructor(
    private readonly records: ControlRecords,
    private readonly twoStep: TwoStepCommands,
  ) {}

  /** Ascending. */
  ids(): readonly SystemTokenId[] {
    const ids: SystemTokenId[] = [];
    for (const { state } of this.records.systemTokens.all())
      if (state.status !== 'none' && state.token.holder.type === 'system') ids.push(state.token.id);
    return ids.sort();
  }

  /** @param secret one that was made before; default: a new one. */
  async issue(
    context: CommandContext,
    { name, expiresAt }: SystemTokenWanted,
    secret = newSecretOf(context, context.identifiers.id('tok')),
  ): Promise<SystemTokenWithSecret> {
    const parsed = parseSystemTokenSecret(secret);
    if (!parsed.ok || parsed.kind !== 'sys')
      throw new RangeError('a system token is issued with a secret of the platform');
    const { tokenId } = parsed;
    const executed = await this.execute(context, tokenId, {
      type: 'IssueSystemToken',
      at: context.at,
      tokenId,
      holder: SYSTEM_ADMINISTRATOR,
      name,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...kept(secret),
    });
    return withSecret(secret, executed);
  }

  async rotate(context: CommandContext, tokenId: SystemTokenId, graceSeconds: number): Promise<SystemTokenWithSecret> {
    const secret = newSecretOf(context, tokenId);
    const command = { type: 'RotateSystemToken', at: context.at, ...kept(secret), graceSeconds } as const;
    return withSecret(secret, await this.execute(context, tokenId, command));
  }

  /**
   * Never takes the last token that lasts: nobody could issue another. Revocations follow one another, on all gateways
   * together, so that two cannot each count on the token that the other takes.
   */
  revoke(context: CommandContext, tokenId: SystemTokenId, reason: string): Promise<SystemTokenExecuted> {
    const work = async (claim: Claim | undefined): Promise<SystemTokenExecuted> => {
      const command = { type: 'RevokeSystemToken', reason } as const;
      const isRepeat = context.keyed?.isRepeat === true;
      const preview = this.records.systemTokens.preview(
        systemTokenStream(tokenId),
        command,
        isRepeat ? undefined : context.ifMatch,
      );
      if (preview.kind !== 'accepted') return preview;
      if (preview.changed && !this.isAnotherLasting(tokenId, claim?.doubts ?? []))
        return refuse(
          'last_system_token',
          'This is the last system token that lasts: issue one that does not expire, and revoke this one with it.',
        );
      return this.execute(under(claim, context), tokenId, command);
    };
    return this.twoStep.run(SYSTEM_TOKENS, work, tokenId);
  }

  /** @param doubts tokens that a gateway which was held dead may yet revoke: nobody may count on them. */
  private isAnotherLasting(tokenId: SystemTokenId, doubts: readonly string[]): boolean {
    for (const { state } of this.records.systemTokens.all()) {
      if (state.status === 'none' || state.token.id === tokenId) continue;
      if (isLastingAdministrator(state) && !doubts.includes(state.token.id)) return true;
    }
    return false;
  }

  private execute(
    context: CommandContext,
    tokenId: SystemTokenId,
    command: SystemTokenCommand,
  ): Promise<SystemTokenExecuted> {
    const stream = systemTokenStream(tokenId);
    return this.records.systemTokens.execute(stream, command, metadataOf(context), optionsOf(context));
  }
}

function newSecretOf({ identifiers }: CommandContext, tokenId: SystemTokenId): string {
  return newSystemTokenSecret(SYSTEM_ADMINISTRATOR, tokenId, identifiers.random(SECRET_RANDOM_BYTES)).secret;
}

/** What is kept of a secret. */
function kept(secret: string) {
  const secretHash = hashSecret(secret);
  return { secretHash, fingerprint: fingerprintOf(secretHash) };
}

/** Only a command that was recorded shows its secret: nobody knows one that was not. */
function withSecret(secret: string, executed: SystemTokenExecuted): SystemTokenWithSecret {
  return executed.kind === 'accepted' && executed.changed ? { ...executed, secret } : executed;
}

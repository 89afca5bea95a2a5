import {
  type ApiKeyEnvironment,
  type ApiKeyOwner,
  type ApiKeyState,
  apiKeyStream,
  type ChangeApiKey,
  fingerprintOf,
  hashSecret,
  type IssueApiKey,
  newApiKeySecret,
  parseApiKeySecret,
  type RevokeApiKey,
  type RotateApiKey,
  SECRET_RANDOM_BYTES,
} from '#identity';
import type { ApiKeyId, EpochMs, OrganizationId, ProjectId } from '#kernel';
import type { BarSubject } from '#ledger';
import { barReason } from '../bars';
import { type CommandContext, metadataOf, optionsOf, under } from '../command-context';
import type { ControlRecords } from '../records';
import type { ControlRefusal } from '../refusals';
import { standingRefusal } from '../standing-refusal';
import type { Executed } from '../warm-aggregates';
import type { LedgerCommands } from './ledger-commands';
import type { TwoStepCommands } from './two-step-commands';

export interface KeyWanted {
  readonly name: string;
  readonly projectId: ProjectId;
  readonly owner?: ApiKeyOwner;
  /** Default: `live`. */
  readonly environment?: ApiKeyEnvironment;
  readonly scopes?: readonly string[];
  readonly models?: readonly string[];
  readonly expiresAt?: EpochMs;
  readonly allowedIps?: readonly string[];
}

export type KeyExecuted = Executed<ApiKeyState, ControlRefusal>;
/** With the secret that this command made, which is shown once. */
export type KeyIssued = KeyExecuted & { readonly secret?: string };

/** Commands of API keys. A key's organization and project are looked at here, for the key's own stream knows neither. */
export class ApiKeyCommands {
  constructor(
    private readonly records: ControlRecords,
    private readonly ledgers: LedgerCommands,
    private readonly twoStep: TwoStepCommands,
  ) {}

  /** @param secret one that was made before; default: a new one. */
  async issue(
    context: CommandContext,
    orgId: OrganizationId,
    wanted: KeyWanted,
    secret = newSecretOf(context, wanted),
  ): Promise<KeyIssued> {
    const parsed = parseApiKeySecret(secret);
    if (!parsed.ok) throw new RangeError('an API key is issued with a secret of the platform');
    const { keyId, environment } = parsed;
    const at = { at: context.at };
    const command: IssueApiKey = { type: 'IssueApiKey', ...at, keyId, orgId, ...wanted, environment, ...kept(secret) };
    // A key that was issued before keeps its answer, whatever has become of its project since.
    const fallen = standingRefusal(this.records, orgId, wanted, context);
    if (fallen !== undefined) return fallen;
    return withSecret(secret, await this.execute(context, orgId, keyId, command));
  }

  async rotate(
    context: CommandContext,
    orgId: OrganizationId,
    keyId: ApiKeyId,
    graceSeconds: number,
  ): Promise<KeyIssued> {
    const { state } = this.records.apiKeys.find(apiKeyStream(keyId));
    const fallen = state.status === 'active' ? standingRefusal(this.records, orgId, state.key, context) : undefined;
    if (fallen !== undefined) return fallen;
    const environment = state.status === 'none' ? 'live' : state.key.environment;
    const { secret } = newApiKeySecret(environment, keyId, context.identifiers.random(SECRET_RANDOM_BYTES));
    const command: RotateApiKey = { type: 'RotateApiKey', at: context.at, ...kept(secret), graceSeconds };
    return withSecret(secret, await this.execute(context, orgId, keyId, command));
  }

  async change(
    context: CommandContext,
    orgId: OrganizationId,
    keyId: ApiKeyId,
    changes: Omit<ChangeApiKey, 'type' | 'at'>,
  ): Promise<KeyExecuted> {
    const { state } = this.records.apiKeys.find(apiKeyStream(keyId));
    const fallen = state.status === 'active' ? standingRefusal(this.records, orgId, state.key, context) : undefined;
    if (fallen !== undefined) return fallen;
    return this.execute(context, orgId, keyId, { type: 'ChangeApiKey', at: context.at, ...changes });
  }

  /** The ledger is told first: no authorization follows the bar in the record, on any gateway. */
  revoke(context: CommandContext, orgId: OrganizationId, keyId: ApiKeyId, reason: string): Promise<KeyExecuted> {
    const command: RevokeApiKey = { type: 'RevokeApiKey', reason };
    return this.twoStep.run(orgId, async (claim) => {
      const first = under(claim, context);
      const ifMatch = context.keyed?.isRepeat === true ? undefined : context.ifMatch;
      const preview = this.records.apiKeys.preview(apiKeyStream(keyId), command, ifMatch);
      if (preview.kind !== 'accepted') return preview;
      const subject: BarSubject = { type: 'api-key', id: keyId };
      const recorded = preview.aggregate.state.status === 'revoked' ? preview.aggregate.state.reason : reason;
      const bar = barReason({ because: 'revoked', reason: recorded });
      const done = await this.ledgers.change(orgId, { type: 'BarSubject', subject, reason: bar }, first);
      if (done.kind === 'refused') return done;
      const { ifMatch: _, ...second } = first;
      return this.execute(second, orgId, keyId, command);
    });
  }

  private execute(
    context: CommandContext,
    orgId: OrganizationId,
    keyId: ApiKeyId,
    command: IssueApiKey | RotateApiKey | ChangeApiKey | RevokeApiKey,
  ): Promise<KeyExecuted> {
    const metadata = metadataOf(context, orgId);
    return this.records.apiKeys.execute(apiKeyStream(keyId), command, metadata, optionsOf(context));
  }
}

function newSecretOf({ identifiers }: CommandContext, { environment = 'live' }: KeyWanted): string {
  return newApiKeySecret(environment, identifiers.id('key'), identifiers.random(SECRET_RANDOM_BYTES)).secret;
}

/** What is kept of a secret. */
function kept(secret: string) {
  const secretHash = hashSecret(secret);
  return { secretHash, fingerprint: fingerprintOf(secretHash) };
}

/** Only a command that was recorded shows its secret: nobody knows one that was not. */
function withSecret(secret: string, executed: KeyExecuted): KeyIssued {
  return executed.kind === 'accepted' && executed.changed ? { ...executed, secret } : executed;
}

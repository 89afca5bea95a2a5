import {
  type BackendKind,
  type BackendSettings,
  CATALOGUE_STREAM,
  type CatalogueCommand,
  type CatalogueState,
  findBackend,
} from '#inference/catalogue';
import type { BackendId } from '#kernel';
import type { BackendCredentials } from '../backend-credentials';
import { type CommandContext, metadataOf, optionsOf } from '../command-context';
import type { ControlRecords } from '../records';
import type { ControlRefusal } from '../refusals';
import type { Executed } from '../warm-aggregates';

export type CatalogueExecuted = Executed<CatalogueState, ControlRefusal>;
/** Settings of a backend with its credential in the clear, as people give it. */
export type OpenBackendSettings = Omit<BackendSettings, 'credential'> & { readonly apiKey?: string };
export type OpenBackendChanges = Partial<Omit<BackendSettings, 'credential'>> & { readonly apiKey?: string | null };

/** Commands of the catalogue; credentials are sealed before they are recorded. */
export class CatalogueCommands {
  constructor(
    private readonly records: ControlRecords,
    private readonly credentials: BackendCredentials,
  ) {}

  /** Several commands are one: all are recorded or none. */
  change(context: CommandContext, ...commands: readonly CatalogueCommand[]): Promise<CatalogueExecuted> {
    return this.records.catalogue.execute(CATALOGUE_STREAM, commands, metadataOf(context), optionsOf(context));
  }

  async registerBackend(
    context: CommandContext,
    kind: BackendKind,
    { apiKey, ...settings }: OpenBackendSettings,
  ): Promise<CatalogueExecuted & { readonly backendId: BackendId }> {
    const id = context.identifiers.id('bkd');
    const credential = apiKey === undefined ? undefined : await this.seal(id, apiKey);
    const command = { type: 'RegisterBackend' as const, id, kind, ...settings, ...(credential && { credential }) };
    return { ...(await this.change(context, command)), backendId: id };
  }

  async changeBackend(
    context: CommandContext,
    id: BackendId,
    { apiKey, ...changes }: OpenBackendChanges,
  ): Promise<CatalogueExecuted> {
    const credential = typeof apiKey === 'string' ? await this.seal(id, apiKey) : apiKey;
    const command = {
      type: 'ChangeBackend' as const,
      id,
      ...changes,
      ...(credential === undefined ? {} : { credential }),
    };
    return this.change(context, command);
  }

  private seal(id: BackendId, apiKey: string) {
    const { state } = this.records.catalogue.find(CATALOGUE_STREAM);
    return this.credentials.seal(id, apiKey, findBackend(state, id));
  }
}

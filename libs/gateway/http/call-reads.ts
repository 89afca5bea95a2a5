import type { EpochMs, ModelId, OrganizationId, ProjectId, RequestId } from '#kernel';

/** One answer of a read, ready for JSON, with how far the record behind it reaches. */
export interface ReadAnswer {
  readonly data: Readonly<Record<string, unknown>>;
  readonly watermark: Readonly<Record<string, unknown>>;
}

/** A question that is not answered, with a sentence that says what to do. */
export class ReadRefusedError extends Error {
  override readonly name = 'ReadRefusedError';

  /** @param passes whether the same question may be answered in a moment; otherwise it is the question's fault. */
  constructor(
    readonly passes: boolean,
    message: string,
  ) {
    super(message);
  }
}

/** What an application may read of its own calls. Every read may throw ReadRefusedError. */
export interface CallReads {
  /** Waits until the view has reached a position; false when it did not in time. */
  waitFor(position: bigint): Promise<boolean>;
  callById(
    orgId: OrganizationId,
    projectId: ProjectId,
    callId: RequestId,
    /** `foreign`: there is one, of another project or organization; its reader is told what is told of none. */
  ): Promise<ReadAnswer | 'none' | 'foreign'>;
  projectUsage(
    orgId: OrganizationId,
    projectId: ProjectId,
    range: { readonly from: EpochMs; readonly to: EpochMs; readonly model?: ModelId },
  ): Promise<ReadAnswer>;
}

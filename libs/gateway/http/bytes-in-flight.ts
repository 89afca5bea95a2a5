import type { OrganizationId } from '#kernel';

/** Request bodies of one organization that are in memory at once; one tenant must not starve the others of it. */
export const BODY_BYTES_IN_FLIGHT_MAX = 512 * 1024 * 1024;

export class BytesInFlight {
  private readonly byOrganization = new Map<OrganizationId, number>();

  constructor(private readonly bytesMax: number = BODY_BYTES_IN_FLIGHT_MAX) {}

  /** Takes room for a body; `undefined` when there is none, else gives it back once. */
  take(orgId: OrganizationId, bytes: number): (() => void) | undefined {
    const taken = this.byOrganization.get(orgId) ?? 0;
    if (taken > 0 && taken + bytes > this.bytesMax) return undefined;
    this.byOrganization.set(orgId, taken + bytes);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const left = (this.byOrganization.get(orgId) ?? 0) - bytes;
      if (left > 0) this.byOrganization.set(orgId, left);
      else this.byOrganization.delete(orgId);
    };
  }
}

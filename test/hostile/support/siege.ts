import { eventually, head, openDescriptors, peakMemoryMiB, posting, RawConnection } from '#testing/raw-http';
import { chatBody, type Tenant } from '../../e2e/support/tenant';
import { World } from '../../e2e/support/world';

type Headers = Readonly<Record<string, string | number>>;

/** Descriptors that come and go with what the process does for itself: connections to backends, files of views. */
const DESCRIPTORS_SLACK = 20;

/** What a container with this heap is given: beyond it the process would be ended, with all that was under way. */
const MEMORY_MIB_MAX = 1_024;

export function bearer(secret: string): Headers {
  return { Authorization: `Bearer ${secret}` };
}

/** A platform with as little memory as a container gives it, an attacker with a key, and a neighbour who only wants to work. */
export class Siege {
  private constructor(
    readonly world: World,
    readonly attacker: Tenant,
    readonly neighbour: Tenant,
    /** A key of the attacker's organization that may read its usage and nothing else. */
    readonly readOnlyKey: string,
    readonly model: string,
    private readonly pid: number | undefined,
  ) {}

  static async open(environment: Readonly<Record<string, string>> = {}): Promise<Siege> {
    const world = await World.open({ environment: { NODE_OPTIONS: '--max-old-space-size=640', ...environment } });
    const [attacker, neighbour] = [await world.tenant(), await world.tenant()];
    const { admin, pid } = world.platform;
    const readOnly = await admin.createKey(attacker.orgId, attacker.projectId, { scopes: ['usage:read'] });
    return new Siege(world, attacker, neighbour, readOnly.secret, await world.model(), pid);
  }

  close(): Promise<void> {
    return this.world.close();
  }

  get url(): string {
    return this.world.platform.url;
  }

  connect(from?: string): Promise<RawConnection> {
    return RawConnection.open(this.url, from);
  }

  /** As the attacker's good key. */
  get key(): Headers {
    return bearer(this.attacker.key.secret);
  }

  /** A call of the attacker's on a model, to be sent raw. */
  call(model: string, rest: Readonly<Record<string, unknown>> = {}): string {
    return posting('/v1/chat/completions', JSON.stringify(chatBody(model, rest)), this.key);
  }

  /** A read that waits for what never comes. */
  longPoll(secret = this.readOnlyKey): string {
    return head('GET /v1/usage?atLeast=99999999', bearer(secret));
  }

  descriptors(): number | undefined {
    return openDescriptors(this.pid);
  }

  /**
   * That nothing has remained of an attack: the process is the same one, has no more open than before, holds no budget
   * of the attacker's, and serves both the neighbour and the attacker's own organization.
   */
  async expectUnharmed(descriptorsBefore: number | undefined): Promise<void> {
    if (descriptorsBefore !== undefined)
      await eventually(
        () => this.descriptors(),
        (count) => count !== undefined && count <= descriptorsBefore + DESCRIPTORS_SLACK,
      );
    await eventually(
      () => this.attacker.holdsOpen(),
      (count) => count === 0,
    );
    for (const tenant of [this.neighbour, this.attacker]) {
      const { status, text } = await tenant.chat(this.model);
      expect([status, text]).toEqual([200, expect.stringContaining('"usage"')]);
    }
    expect(this.world.platform.pid).toBe(this.pid);
    const peakMiB = peakMemoryMiB(this.pid);
    if (peakMiB !== undefined) expect(peakMiB).toBeLessThan(MEMORY_MIB_MAX);
  }
}

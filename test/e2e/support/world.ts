import { type MockPlan, MockUpstream, modelFor } from '#testing/mock-upstream';
import { type PlatformOptions, PlatformProcess, TEST_MODE } from '#testing/platform-process';
import { Tenant, type TenantOptions } from './tenant';

/** Starting a process and calling it takes its time on a busy machine; a test that hangs is still noticed. Leases of dead gateways last. */
jest.setTimeout(TEST_MODE === 'embedded' ? 60_000 : 120_000);

/** USD per million tokens: 1,000 and 2,000 nano-USD per token. */
export const PRICES = { input: '1', output: '2' };

export interface ModelOptions {
  readonly kind?: 'chat' | 'completion' | 'embedding';
  /** Settings of its backend. */
  readonly backend?: Readonly<Record<string, unknown>>;
  /** `null` registers it without. */
  readonly prices?: Readonly<Record<string, string>> | null;
  readonly contextTokens?: number;
  readonly maxOutputTokens?: number;
  readonly rest?: Readonly<Record<string, unknown>>;
}

/** The platform and a backend beside it, for the tests of one file. */
export class World {
  #names = 0;

  private constructor(
    readonly platform: PlatformProcess,
    readonly upstream: MockUpstream,
  ) {}

  static async open(options?: PlatformOptions): Promise<World> {
    // In turn: a platform that does not start must leave no server behind that keeps the test run alive.
    const platform = await PlatformProcess.start(options);
    return new World(platform, await MockUpstream.start());
  }

  async close(): Promise<void> {
    await this.platform.remove();
    await this.upstream.close();
  }

  /** A name that no other test of this file uses. */
  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}-${this.#names}`;
  }

  /** A model of its own backend that is answered as planned, so that no test disturbs another's. */
  async model(plan: Partial<MockPlan> = {}, options: ModelOptions = {}): Promise<string> {
    const { admin } = this.platform;
    const backend = this.name('backend');
    await admin.createBackend(backend, this.upstream.baseUrl, options.backend);
    const id = this.name('maker/model');
    const { kind, contextTokens, maxOutputTokens, rest } = options;
    await admin.createModel({
      id,
      backend,
      upstreamModel: modelFor(plan),
      ...(options.prices === null ? {} : { prices: { ...PRICES, ...options.prices } }),
      ...(kind === undefined ? {} : { kind }),
      ...(contextTokens === undefined ? {} : { contextTokens }),
      ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
      ...(rest === undefined ? {} : { rest }),
    });
    return id;
  }

  /** An organization with one project, one key and one blocking budget. */
  tenant(options?: TenantOptions): Promise<Tenant> {
    return Tenant.create(this.platform, this.name('tenant'), options);
  }
}

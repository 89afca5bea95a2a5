import { type ModelOptions, World } from '../../e2e/support/world';
import { startClaude } from './claude-backend';
import { startGpt } from './gpt-backend';
import type { TalkingBackend } from './talking-backend';

/** The platform between official clients and a backend of every kind. */
export class ClientsWorld {
  private constructor(
    readonly world: World,
    readonly claude: TalkingBackend,
    readonly gpt: TalkingBackend,
  ) {}

  static async open(): Promise<ClientsWorld> {
    const world = await World.open();
    return new ClientsWorld(world, await startClaude(), await startGpt());
  }

  async close(): Promise<void> {
    await this.world.close();
    await this.claude.close();
    await this.gpt.close();
  }

  /** A model in front of the backend that speaks Anthropic's dialect. */
  claudeModel(upstreamModel = 'claude', options: ModelOptions = {}): Promise<string> {
    return this.modelOn({ kind: 'anthropic', baseUrl: this.claude.baseUrl }, upstreamModel, options);
  }

  /** A model in front of the backend that speaks OpenAI's dialect and calls tools. */
  gptModel(): Promise<string> {
    return this.modelOn({ kind: 'openai', baseUrl: this.gpt.baseUrl }, 'gpt', {});
  }

  /** A model that the platform itself plays. */
  echoModel(upstreamModel = 'echo'): Promise<string> {
    return this.modelOn({ kind: 'simulator' }, upstreamModel, {});
  }

  private async modelOn(
    backendSettings: Readonly<Record<string, unknown>>,
    upstreamModel: string,
    { backend: rest = {}, prices }: ModelOptions,
  ): Promise<string> {
    const { admin } = this.world.platform;
    const name = this.world.name('backend');
    await admin.request('POST', '/backends', { name, ...backendSettings, ...rest });
    const id = this.world.name('maker/model');
    await admin.createModel({
      id,
      backend: name,
      upstreamModel,
      prices: { input: '1', output: '2', ...prices },
    });
    return id;
  }
}

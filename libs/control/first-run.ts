import {
  newApiKeySecret,
  newSystemTokenSecret,
  type Organization,
  parseSystemTokenSecret,
  SECRET_RANDOM_BYTES,
} from '#identity';
import { findBackendByName, findModel, type ModelKind } from '#inference/catalogue';
import { type ApiKeyId, type ModelId, type OrganizationId, type ProjectId, type Refusal, usd } from '#kernel';
import { DEFAULT_THRESHOLDS } from '#ledger';
import type { CommandContext } from './command-context';
import { SYSTEM_ADMINISTRATOR } from './commands/system-token-commands';
import type { ControlPlane } from './control-plane';

/** What `first-run.json` holds. Without a demo only the first two. */
export interface FirstRun {
  readonly url: string;
  readonly systemToken: string;
  readonly organizationId?: OrganizationId;
  readonly projectId?: ProjectId;
  readonly apiKeyId?: ApiKeyId;
  readonly apiKey?: string;
}

type DemoRun = Required<FirstRun>;

/** Where the plan of a first run is kept: only its owner may read it. */
export interface FirstRunFile {
  read(): Promise<FirstRun | undefined>;
  /** Durable, and never seen half written. */
  write(plan: FirstRun): Promise<void>;
}

export interface FirstRunOptions {
  readonly control: ControlPlane;
  readonly file: FirstRunFile;
  /** Where the platform is reached. */
  readonly url: string;
  readonly demo: boolean;
}

export const DEMO_SLUG = 'demo';
export const DEMO_PROJECT = 'playground';
export const DEMO_MODELS = ['echo', 'echo-embedding'] as const;
const DEMO_BACKEND = 'simulator';
const DEMO_BUDGET = 'Demo';
const DEMO_BUDGET_LIMIT = usd('100');
/** Generous: whoever tries the platform out is not to meet its limits first. */
const DEMO_LIMITS = { requestsPerMinute: 600_000, burst: 100_000, concurrency: 1_000 };

/** A step was refused, so the platform is not what the first run expects; the message says what to do. */
export class FirstRunError extends Error {
  override readonly name = 'FirstRunError';
}

/**
 * Makes what an empty platform needs before anybody can use it. The ids and secrets are written to the file first and
 * the system token is recorded last: so a record without a system token means that the first run was not finished, and
 * the file says how to go on with it. Every step is looked for before it is taken.
 * @returns the file's content when this start began or finished the first run.
 */
export async function firstRun(options: FirstRunOptions): Promise<FirstRun | undefined> {
  const { control, file } = options;
  if (hasSystemToken(control)) return undefined;
  const context = control.systemContext('first-run');
  const plan = usable(await file.read()) ?? newPlan(options, context);
  await file.write(plan);
  if (isDemo(plan)) await makeDemo(control, context, plan);
  await issueSystemToken(control, context, plan.systemToken);
  return plan;
}

function hasSystemToken(control: ControlPlane): boolean {
  return !control.records.systemTokens.all().next().done;
}

/** A file that somebody has edited is no plan. */
function usable(plan: FirstRun | undefined): FirstRun | undefined {
  const parsed = plan && parseSystemTokenSecret(plan.systemToken);
  return parsed?.ok === true && parsed.kind === 'sys' ? plan : undefined;
}

function isDemo(plan: FirstRun): plan is DemoRun {
  return plan.organizationId !== undefined && plan.projectId !== undefined && plan.apiKey !== undefined;
}

function newPlan({ url, demo, control }: FirstRunOptions, { identifiers }: CommandContext): FirstRun {
  const random = () => identifiers.random(SECRET_RANDOM_BYTES);
  const { secret: systemToken } = newSystemTokenSecret(SYSTEM_ADMINISTRATOR, identifiers.id('tok'), random());
  if (!demo) return { url, systemToken };
  // The file may have been lost in the middle of a first run: then what is recorded already is gone on with.
  const existing = control.findOrganization(DEMO_SLUG);
  const organizationId = existing?.id ?? identifiers.id('org');
  const projectId = (existing && playgroundOf(existing.organization)) ?? identifiers.id('prj');
  const apiKeyId = identifiers.id('key');
  const { secret: apiKey } = newApiKeySecret('live', apiKeyId, random());
  return { url, systemToken, organizationId, projectId, apiKeyId, apiKey };
}

function playgroundOf({ projects }: Organization): ProjectId | undefined {
  return projects.valueSeq().find(({ name, archived }) => name === DEMO_PROJECT && !archived)?.id;
}

async function makeDemo(control: ControlPlane, context: CommandContext, plan: DemoRun): Promise<void> {
  await makeModels(control, context);
  await makeOrganization(control, context, plan);
  await makeBudget(control, context, plan.organizationId);
  await makeKey(control, context, plan);
}

async function makeModels(control: ControlPlane, context: CommandContext): Promise<void> {
  const { catalogueCommands } = control;
  if (findBackendByName(control.catalogue(), DEMO_BACKEND) === undefined)
    accept(await catalogueCommands.registerBackend(context, 'simulator', { name: DEMO_BACKEND }));
  const backendId = findBackendByName(control.catalogue(), DEMO_BACKEND)?.id;
  if (backendId === undefined)
    throw new FirstRunError(`the backend ${DEMO_BACKEND} was removed meanwhile; start again`);
  const kinds: Record<(typeof DEMO_MODELS)[number], ModelKind> = { echo: 'chat', 'echo-embedding': 'embedding' };
  for (const id of DEMO_MODELS) {
    const modelId = id as string as ModelId;
    const routes = [{ backendId, upstreamModel: id }];
    const output = kinds[id] === 'embedding' ? {} : { maxOutputTokens: 4_096, defaultOutputTokens: 1_024 };
    const model = { type: 'RegisterModel', id, kind: kinds[id], routes, contextTokens: 32_768, ...output } as const;
    if (findModel(control.catalogue(), modelId) === undefined) accept(await catalogueCommands.change(context, model));
    const prices = { input: usd('0.1'), output: usd(kinds[id] === 'embedding' ? '0' : '0.4') };
    if (findModel(control.catalogue(), modelId)?.prices.length === 0)
      accept(await catalogueCommands.change(context, { type: 'SetPrices', at: context.at, modelId, prices }));
  }
}

async function makeOrganization(control: ControlPlane, context: CommandContext, plan: DemoRun): Promise<void> {
  const { organizationId: orgId, projectId } = plan;
  const wanted = { orgId, name: 'Demo', slug: DEMO_SLUG };
  if (control.findOrganization(orgId) === undefined) accept(await control.organizations.register(context, wanted));
  const project = { type: 'CreateProject', projectId, name: DEMO_PROJECT } as const;
  accept(await control.organizations.change(context, orgId, project));
}

async function makeBudget(control: ControlPlane, context: CommandContext, orgId: OrganizationId): Promise<void> {
  const { budgets } = await control.ledgers.ledger.read(orgId);
  if (budgets.some(({ definition }) => definition.name === DEMO_BUDGET)) return;
  const budget = {
    type: 'DefineBudget',
    budgetId: context.identifiers.id('bgt'),
    name: DEMO_BUDGET,
    scope: { type: 'organization' },
    unit: 'cost',
    period: 'monthly',
    limit: DEMO_BUDGET_LIMIT,
    mode: 'block',
    thresholds: DEFAULT_THRESHOLDS,
    timeZone: 'UTC',
  } as const;
  accept(await control.ledgers.change(orgId, budget, context));
}

async function makeKey(control: ControlPlane, context: CommandContext, plan: DemoRun): Promise<void> {
  const { organizationId, projectId, apiKey, apiKeyId } = plan;
  const target = { type: 'api-key', id: apiKeyId } as const;
  const limits = { type: 'SetLimits', target, limits: DEMO_LIMITS } as const;
  accept(await control.ledgers.change(organizationId, limits, context));
  const wanted = { name: 'Demo', projectId, models: DEMO_MODELS };
  accept(await control.apiKeys.issue(context, organizationId, wanted, apiKey));
}

async function issueSystemToken(control: ControlPlane, context: CommandContext, secret: string): Promise<void> {
  accept(await control.systemTokens.issue(context, { name: 'First run' }, secret));
}

type Result = { readonly kind: 'accepted' | 'stale' } | { readonly kind: 'refused'; readonly refusal: Refusal };

function accept(result: Result): void {
  if (result.kind === 'refused') throw new FirstRunError(`the first run cannot go on: ${result.refusal.message}`);
}

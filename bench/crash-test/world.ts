import { formatUsd, nanoUsd } from '#kernel';
import { modelFor } from '#testing/mock-upstream';
import type { AdminClient } from '#testing/platform-process';

/** A key that calls are made with. */
export interface CrashKey {
  readonly secret: string;
  readonly orgId: string;
}

export interface CrashModel {
  readonly id: string;
  /** Output tokens of a whole answer, before the caller's cap. */
  readonly outputTokens: number;
}

/** What the calls of the crash test meet. */
export interface World {
  readonly models: readonly CrashModel[];
  /** Keys of organizations with room to spare. */
  readonly roomyKeys: readonly CrashKey[];
  /** Keys of an organization whose blocking budget is nearly used up all the time. */
  readonly tightKeys: readonly CrashKey[];
  readonly tightOrgId: string;
  readonly tightBudgetId: string;
}

/** Prices with odd digits, so that sums that are not rounded as they should be show. */
export const INPUT_USD_PER_MILLION = '0.137';
export const OUTPUT_USD_PER_MILLION = '0.613';

/** What the tight budget has room for, as a rule: few holds. */
export const TIGHT_HOLDS_MIN = 2;
export const TIGHT_HOLDS_MAX = 24;
/** Calls whose cost nobody knows, that the operator of the test decides on at a time. */
export const RESOLVED_PER_ROUND_MAX = 5;

/** Answers that are over at once, that take their time between chunks, and that let wait for their first byte. */
const ANSWERS = [
  { id: 'crash-quick', outputTokens: 8, plan: { chunks: 8 } },
  { id: 'crash-slow', outputTokens: 20, plan: { chunks: 20, delayMs: 8 } },
  { id: 'crash-late', outputTokens: 5, plan: { chunks: 5, firstByteMs: 60 } },
] as const;

const LIMITS = { requestsPerMinute: 100_000_000, burst: 100_000_000, concurrency: 10_000 };
const KEYS_PER_ORGANIZATION = 3;

async function makeOrganization(admin: AdminClient, name: string): Promise<{ orgId: string; keys: CrashKey[] }> {
  const orgId = await admin.createOrganization(name, name.toLowerCase());
  const projectId = await admin.createProject(orgId, 'crash');
  const keys: CrashKey[] = [];
  for (let index = 0; index < KEYS_PER_ORGANIZATION; index += 1) {
    const key = await admin.createKey(orgId, projectId, { name: `Key ${index}` });
    await admin.setKeyLimits(orgId, key.id, LIMITS);
    keys.push({ secret: key.secret, orgId });
    if (index === 0)
      await admin.createBudget(orgId, '1000000000', {
        name: 'Requests of a key',
        scope: { type: 'api-key', id: key.id },
        unit: 'requests',
      });
  }
  await admin.createBudget(orgId, '100000000000', {
    name: 'Tokens of a project',
    scope: { type: 'project', id: projectId },
    unit: 'tokens',
  });
  return { orgId, keys };
}

export async function makeWorld(admin: AdminClient, upstreamUrl: string, roomyOrganizations = 1): Promise<World> {
  await admin.createBackend('upstream', upstreamUrl);
  for (const { id, plan } of ANSWERS)
    await admin.createModel({
      id,
      backend: 'upstream',
      upstreamModel: modelFor(plan),
      prices: { input: INPUT_USD_PER_MILLION, output: OUTPUT_USD_PER_MILLION },
    });
  const roomyKeys: CrashKey[] = [];
  for (let index = 1; index <= roomyOrganizations; index += 1) {
    const roomy = await makeOrganization(admin, index === 1 ? 'Roomy' : `Roomy-${index}`);
    await admin.createBudget(roomy.orgId, '1000000', { name: 'Room to spare' });
    roomyKeys.push(...roomy.keys);
  }
  const tight = await makeOrganization(admin, 'Tight');
  const tightBudgetId = await admin.createBudget(tight.orgId, '0.001', { name: 'Nearly used up' });
  return {
    models: ANSWERS,
    roomyKeys,
    tightKeys: tight.keys,
    tightOrgId: tight.orgId,
    tightBudgetId,
  };
}

export function setTightLimit(admin: AdminClient, world: World, limitNanoUsd: bigint): Promise<unknown> {
  const limit = formatUsd(nanoUsd(limitNanoUsd));
  return admin.request('PATCH', `/organizations/${world.tightOrgId}/budgets/${world.tightBudgetId}`, { limit });
}

import type { OrganizationId } from '#kernel';
import type { AdminClient } from '#testing/platform-process';
import { CALL_KINDS, type CallKind, UPSTREAM_MODELS } from './target';

/** Never reached: what limits cost is measured, not what they refuse. */
const LIMITS = { requestsPerMinute: 100_000_000, burst: 100_000_000, concurrency: 10_000 };

export interface Customer {
  readonly orgId: OrganizationId;
  /** Of its calls. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Model of the platform for a kind of answer. */
export function benchModel(kind: CallKind): string {
  return `bench-${kind}`;
}

/** The upstream's answers as priced models. */
export async function makeModels(admin: AdminClient, upstreamUrl: string): Promise<void> {
  await admin.createBackend('upstream', upstreamUrl);
  for (const kind of CALL_KINDS)
    await admin.createModel({
      id: benchModel(kind),
      kind: kind === 'embeddings' ? 'embedding' : 'chat',
      backend: 'upstream',
      upstreamModel: UPSTREAM_MODELS[kind],
      prices: { input: '0.15', output: kind === 'embeddings' ? '0' : '0.6' },
    });
}

/** One organization with a blocking budget and one key with limits. */
export async function makeCustomer(admin: AdminClient, name: string): Promise<Customer> {
  const org = await admin.createOrganization(name, name.toLowerCase());
  const project = await admin.createProject(org, 'bench');
  await admin.createBudget(org, '1000000');
  const key = await admin.createKey(org, project);
  await admin.setKeyLimits(org, key.id, LIMITS);
  return {
    orgId: org as OrganizationId,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key.secret}` },
  };
}

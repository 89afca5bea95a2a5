import type { OrganizationId, ProjectId } from '#kernel';
import type { KeyWanted } from '../commands/api-key-commands';
import type { Executed } from '../warm-aggregates';
import type { TestPlatform } from './test-platform';

/** A context for whatever a test does itself. */
export const me = ({ control }: TestPlatform) => control.systemContext('test');

/** The state that a command left. @throws Error when it was not accepted. */
export function acceptedOf<S>(executed: Executed<S, never> | { kind: string }): S {
  if (executed.kind !== 'accepted') throw new Error(JSON.stringify(executed));
  return (executed as { aggregate: { state: S } }).aggregate.state;
}

/** An organization, and its id. */
export async function registered(platform: TestPlatform, slug = 'acme'): Promise<OrganizationId> {
  const executed = await platform.control.organizations.register(me(platform), { name: slug, slug });
  acceptedOf(executed);
  return platform.control.findOrganization(slug)?.id ?? ('' as OrganizationId);
}

export async function project(platform: TestPlatform, orgId: OrganizationId, name = 'app'): Promise<ProjectId> {
  const context = me(platform);
  const projectId = context.identifiers.id('prj');
  acceptedOf(await platform.control.organizations.change(context, orgId, { type: 'CreateProject', projectId, name }));
  return projectId;
}

/** A service account, as an owner of keys. */
export async function account(platform: TestPlatform, orgId: OrganizationId, name = 'bot') {
  const context = me(platform);
  const id = context.identifiers.id('sa');
  const create = { type: 'CreateServiceAccount', serviceAccountId: id, name, roles: ['developer'] } as const;
  acceptedOf(await platform.control.organizations.change(context, orgId, create));
  return { type: 'service-account', id } as const;
}

/** A key of the organization `acme`, with whatever it needs. */
export async function issued(platform: TestPlatform, wanted: Partial<KeyWanted> = {}) {
  const orgId = platform.control.findOrganization('acme')?.id ?? (await registered(platform));
  const projectId = wanted.projectId ?? (await project(platform, orgId, `app ${me(platform).identifiers.id('prj')}`));
  const executed = await platform.control.apiKeys.issue(me(platform), orgId, { name: 'key', ...wanted, projectId });
  if (executed.kind !== 'accepted' || executed.secret === undefined) throw new Error(JSON.stringify(executed));
  const { state } = executed.aggregate;
  if (state.status === 'none') throw new Error('no key');
  return { orgId, projectId, keyId: state.key.id, secret: executed.secret };
}

/** What a member or a service account may be in an organization; what each may do is decided at the edge. */
export const ROLES = ['owner', 'admin', 'manager', 'finance', 'analyst', 'developer', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/** An owner answers for the organization, so it is a person: every role but that one. */
export const SERVICE_ACCOUNT_ROLES = ['admin', 'manager', 'finance', 'analyst', 'developer', 'auditor'] as const;
export type ServiceAccountRole = (typeof SERVICE_ACCOUNT_ROLES)[number];

/**
 * Parses a service account's roles: at least one, each once, in the list's order, so that equal sets are equal lists.
 * Anything else is `undefined`.
 */
export function parseServiceAccountRoles(roles: readonly string[]): readonly ServiceAccountRole[] | undefined {
  const known = SERVICE_ACCOUNT_ROLES.filter((role) => roles.includes(role));
  const complete = roles.every((role) => known.some((one) => one === role));
  return complete && known.length > 0 ? known : undefined;
}

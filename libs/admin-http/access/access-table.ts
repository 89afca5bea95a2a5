/** Who may be named in the table. Roles of people and service accounts are further members of this union. */
export type Grantee =
  /** The platform's administrator. */
  'system';

const SYSTEM: readonly Grantee[] = ['system'];

/**
 * Who may do what: every route of `/admin/v1`, and no route is served without a row. A path is written as its
 * controller declares it.
 */
export const ACCESS_TABLE: Readonly<Record<string, readonly Grantee[]>> = {
  'POST /admin/v1/organizations': SYSTEM,
  'GET /admin/v1/organizations': SYSTEM,
  'GET /admin/v1/organizations/:org': SYSTEM,
  'PATCH /admin/v1/organizations/:org': SYSTEM,
  'POST /admin/v1/organizations/:org/suspend': SYSTEM,
  'POST /admin/v1/organizations/:org/resume': SYSTEM,
  'POST /admin/v1/organizations/:org/close': SYSTEM,
  'GET /admin/v1/organizations/:org/models': SYSTEM,
  'PUT /admin/v1/organizations/:org/models': SYSTEM,

  'POST /admin/v1/organizations/:org/projects': SYSTEM,
  'GET /admin/v1/organizations/:org/projects': SYSTEM,
  'GET /admin/v1/organizations/:org/projects/:id': SYSTEM,
  'PATCH /admin/v1/organizations/:org/projects/:id': SYSTEM,
  'DELETE /admin/v1/organizations/:org/projects/:id': SYSTEM,

  'POST /admin/v1/organizations/:org/teams': SYSTEM,
  'GET /admin/v1/organizations/:org/teams': SYSTEM,
  'GET /admin/v1/organizations/:org/teams/:id': SYSTEM,
  'PATCH /admin/v1/organizations/:org/teams/:id': SYSTEM,

  'POST /admin/v1/organizations/:org/service-accounts': SYSTEM,
  'GET /admin/v1/organizations/:org/service-accounts': SYSTEM,
  'GET /admin/v1/organizations/:org/service-accounts/:id': SYSTEM,
  'PATCH /admin/v1/organizations/:org/service-accounts/:id': SYSTEM,
  'DELETE /admin/v1/organizations/:org/service-accounts/:id': SYSTEM,

  'POST /admin/v1/organizations/:org/api-keys': SYSTEM,
  'GET /admin/v1/organizations/:org/api-keys': SYSTEM,
  'GET /admin/v1/organizations/:org/api-keys/:id': SYSTEM,
  'PATCH /admin/v1/organizations/:org/api-keys/:id': SYSTEM,
  'POST /admin/v1/organizations/:org/api-keys/:id/rotate': SYSTEM,
  'POST /admin/v1/organizations/:org/api-keys/:id/revoke': SYSTEM,
  'GET /admin/v1/organizations/:org/api-keys/:id/limits': SYSTEM,
  'PUT /admin/v1/organizations/:org/api-keys/:id/limits': SYSTEM,

  'GET /admin/v1/organizations/:org/limits': SYSTEM,
  'PUT /admin/v1/organizations/:org/limits': SYSTEM,

  'POST /admin/v1/organizations/:org/budgets': SYSTEM,
  'GET /admin/v1/organizations/:org/budgets': SYSTEM,
  'GET /admin/v1/organizations/:org/budgets/:id': SYSTEM,
  'PATCH /admin/v1/organizations/:org/budgets/:id': SYSTEM,
  'DELETE /admin/v1/organizations/:org/budgets/:id': SYSTEM,

  'POST /admin/v1/organizations/:org/calls/resolve': SYSTEM,
  'POST /admin/v1/organizations/:org/calls/:requestId/resolve': SYSTEM,
  'GET /admin/v1/organizations/:org/unresolved-policy': SYSTEM,
  'PUT /admin/v1/organizations/:org/unresolved-policy': SYSTEM,

  'POST /admin/v1/backends': SYSTEM,
  'GET /admin/v1/backends': SYSTEM,
  'GET /admin/v1/backends/:id': SYSTEM,
  'PATCH /admin/v1/backends/:id': SYSTEM,
  'DELETE /admin/v1/backends/:id': SYSTEM,
  'POST /admin/v1/backends/:id/service': SYSTEM,

  'POST /admin/v1/system-tokens': SYSTEM,
  'GET /admin/v1/system-tokens': SYSTEM,
  'GET /admin/v1/system-tokens/:id': SYSTEM,
  'POST /admin/v1/system-tokens/:id/rotate': SYSTEM,
  'POST /admin/v1/system-tokens/:id/revoke': SYSTEM,

  'GET /admin/v1/routing/backends': SYSTEM,
  'GET /admin/v1/routing/decisions': SYSTEM,

  'POST /admin/v1/models': SYSTEM,
  'GET /admin/v1/models': SYSTEM,
  // Ids of models may hold slashes: `…/{id}`, `…/{id}/prices`, `…/{id}/reopen` and so on are one route each.
  'GET /admin/v1/models/*': SYSTEM,
  'POST /admin/v1/models/*': SYSTEM,
  'PATCH /admin/v1/models/*': SYSTEM,
  'DELETE /admin/v1/models/*': SYSTEM,
};

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ControlPlane, Principal } from '#control';
import type { OrganizationId } from '#kernel';
import { problemCodeOf } from '../problems/problem-code';
import { identityOf } from '../request-identity';

/** Whose token a request came with; `orgId`: the one organization that it belongs to, where there is one. */
export type Accessor = Pick<Principal, 'tokenId'> & { readonly orgId?: OrganizationId };

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** `undefined` for what leaves an event by itself, for what is nobody's data, and for what the platform failed at. */
function kindOf({ method }: FastifyRequest, { statusCode }: FastifyReply, leavesEvents: boolean) {
  if (statusCode >= 500) return undefined;
  if (statusCode >= 400) return 'refused' as const;
  if (isRead(method)) return 'read' as const;
  return leavesEvents ? undefined : ('operation' as const);
}

export interface TrailOptions {
  readonly control: ControlPlane;
  /** Paths of the plane begin with it. */
  readonly prefix: string;
  /** `undefined` for a request that was not let in, or that came with an API key: the security trail knows those. */
  readonly accessorOf: (request: FastifyRequest) => Accessor | undefined;
  /** Whether every command of the plane that is accepted is recorded by itself. */
  readonly commandsLeaveEvents: boolean;
}

/**
 * Notes what leaves no event: reads of organizations by whom they do not belong to, refused commands, operations. Only
 * the declared path of a route is noted: what somebody filled in could be anything, a secret as well.
 */
export function keepAccessTrail(server: FastifyInstance, options: TrailOptions): void {
  server.addHook('onResponse', (request, reply, done) => {
    note(request, reply, options);
    done();
  });
}

function note(request: FastifyRequest, reply: FastifyReply, options: TrailOptions): void {
  const { control, prefix, accessorOf, commandsLeaveEvents } = options;
  const path = request.routeOptions.url;
  if (path?.startsWith(`${prefix}/`) !== true) return;
  const accessor = accessorOf(request);
  const kind = kindOf(request, reply, commandsLeaveEvents);
  if (accessor === undefined || kind === undefined) return;
  const orgId = organizationOf(request, control);
  // Backends, models and the state of the views are nobody's data.
  if (kind === 'read' && (orgId === undefined ? !path.endsWith('/organizations') : orgId === accessor.orgId)) return;
  const code = kind === 'refused' ? problemCodeOf(request) : undefined;
  const requestId = identityOf(request)?.requestId;
  control.accessRecords.note({
    kind,
    tokenId: accessor.tokenId,
    address: request.ip,
    route: `${request.method} ${path}`,
    ...(orgId === undefined ? {} : { orgId }),
    ...(code === undefined ? {} : { code }),
    ...(requestId === undefined ? {} : { requestId }),
  });
}

function organizationOf({ params }: FastifyRequest, control: ControlPlane): OrganizationId | undefined {
  if (typeof params !== 'object' || params === null || !('org' in params)) return undefined;
  return typeof params.org === 'string' ? control.findOrganization(params.org)?.id : undefined;
}

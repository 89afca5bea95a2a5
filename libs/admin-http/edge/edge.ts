import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { CommandAnswer, CommandContext, OrganizationRecord, Principal } from '#control';
import type { Actor } from '#kernel';
import { principalOf } from '../access/access-door';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from '../options';
import { structureProblem } from '../problems/body-structure';
import { invalidRequest, notFound, Problem } from '../problems/problem';
import { identityOf } from '../request-identity';
import type { ReadAnswer } from './answers';
import { IDEMPOTENCY_KEY_RULE, isIdempotencyKey, parseIfMatch } from './conditions';
import type { Exchange } from './exchange';
import { positionIn } from './pages';

/** How long a read waits for its view. */
const READ_WAIT_MS = 2_000;

/** What every command and read has in common, so that a controller says only what is its own. */
@Injectable()
export class Edge {
  constructor(@Inject(ADMIN_HTTP_OPTIONS) private readonly options: AdminHttpOptions) {}

  /** Runs a command, once per Idempotency-Key where it has one, and sends what it answers. */
  async command(exchange: Exchange, work: (context: CommandContext) => Promise<CommandAnswer>): Promise<object> {
    const { request, reply } = exchange;
    const { control } = this.options;
    const principal = principalOf(request);
    const actor = actorOf(principal);
    const prepared = { actor, tokenId: principal.tokenId, ...this.preparedFrom(request) };
    const idempotencyKey = headerOf(request, 'idempotency-key');
    if (idempotencyKey === undefined) {
      const { clock, identifiers } = control.surroundings;
      return send(exchange, await work({ ...prepared, at: clock.now(), identifiers }));
    }
    if (!isIdempotencyKey(idempotencyKey)) throw new Problem(400, 'invalid_idempotency_key', IDEMPOTENCY_KEY_RULE);
    // The body is a part of what the key stands for, also where the command itself needs none and looks at none.
    const problem = structureProblem(request.body);
    if (problem !== undefined) throw invalidRequest([problem]);
    const [path = ''] = request.url.split('?');
    const keyed = { actor, route: `${request.method} ${path}`, idempotencyKey, body: request.body };
    const once = await control.commandKeys.once(keyed, prepared, work);
    if (once.kind === 'reused')
      throw new Problem(
        422,
        'idempotency_key_reused',
        'This Idempotency-Key came before with another body: use a new key for a new command.',
      );
    if (once.isReplay) reply.header('idempotent-replayed', 'true');
    return send(exchange, once.answer);
  }

  /** Answers a read, after waiting for the position that the caller has seen. */
  async read(exchange: Exchange, work: () => ReadAnswer | Promise<ReadAnswer>): Promise<object> {
    const position = positionIn(exchange.query);
    if (position !== undefined && !(await this.options.control.waitFor(position, READ_WAIT_MS)))
      throw new Problem(503, 'position_not_reached', 'The view has not reached that position yet: try again.', {
        headers: { 'retry-after': '1' },
      });
    const { body, tag } = await work();
    if (tag !== undefined) exchange.reply.header('etag', `"${tag}"`);
    return body;
  }

  /** @throws Problem 404; `me` is whose token it is, and the administrator belongs to no organization. */
  organization({ request }: Exchange, idOrSlug: string): OrganizationRecord {
    const principal = principalOf(request);
    const named = idOrSlug === 'me' && principal.type !== 'system' ? principal.orgId : idOrSlug;
    const found = this.options.control.findOrganization(named);
    if (found === undefined) throw notFound('organization');
    return found;
  }

  private preparedFrom(request: FastifyRequest): Pick<CommandContext, 'requestId' | 'correlationId' | 'ifMatch'> {
    const identity = identityOf(request);
    const ifMatch = parseIfMatch(request.headers['if-match']);
    return {
      ...(identity === undefined ? {} : { requestId: identity.requestId }),
      ...(identity?.clientRequestId === undefined ? {} : { correlationId: identity.clientRequestId }),
      ...(ifMatch === undefined ? {} : { ifMatch }),
    };
  }
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function actorOf(principal: Principal): Actor {
  switch (principal.type) {
    case 'system':
      return { type: 'system', id: principal.id };
    case 'member':
      return { type: 'member', id: principal.id };
    case 'service-account':
      return { type: 'service-account', id: principal.id };
  }
}

function send({ reply }: Exchange, { status, body, etag, position }: CommandAnswer): object {
  reply.status(status);
  if (etag !== undefined) reply.header('etag', `"${etag}"`);
  if (position !== undefined) reply.header('x-event-position', position);
  return body;
}

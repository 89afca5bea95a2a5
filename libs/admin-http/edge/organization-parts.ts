import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { CommandContext, OrganizationChange } from '#control';
import type { Organization } from '#identity';
import { ChangeOrganization } from '../dispatch/commands';
import { notFound } from '../problems/problem';
import { accepted, answerOf, createdAnswerOf } from './answers';
import { Edge } from './edge';
import type { Exchange } from './exchange';
import { pageOf } from './pages';

/** A kind of thing that lives inside an organization and is recorded in its stream. */
export interface PartKind<I extends string, T> {
  readonly name: string;
  readonly parse: (id: string) => I | undefined;
  readonly in: (organization: Organization) => ReadonlyPart<I, T>;
  readonly view: (part: T) => object;
}

interface ReadonlyPart<I, T> {
  get(id: I): T | undefined;
  keys(): Iterable<I>;
}

/** What projects, teams and service accounts have in common on the wire. Their version is the organization's. */
@Injectable()
export class OrganizationParts {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
  ) {}

  list<I extends string, T>(kind: PartKind<I, T>, exchange: Exchange, org: string): Promise<object> {
    return this.edge.read(exchange, () => {
      const parts = kind.in(this.edge.organization(exchange, org).organization);
      const view = (id: I) => {
        const part = parts.get(id);
        return part && kind.view(part);
      };
      return { body: pageOf([...parts.keys()].sort(), exchange.query, view) };
    });
  }

  get<I extends string, T>(kind: PartKind<I, T>, exchange: Exchange, org: string, id: string): Promise<object> {
    return this.edge.read(exchange, () => {
      const { organization, revision } = this.edge.organization(exchange, org);
      return { body: bodyOf(kind, organization, id), tag: String(revision) };
    });
  }

  create<I extends string, T>(
    kind: PartKind<I, T>,
    exchange: Exchange,
    org: string,
    make: (context: CommandContext) => { readonly id: I; readonly change: OrganizationChange },
  ): Promise<object> {
    return this.edge.command(exchange, async (context) => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const { id, change } = make(context);
      const done = accepted(await this.commands.execute(new ChangeOrganization(context, orgId, [change])));
      return createdAnswerOf(done, bodyIn(kind, done.aggregate.state, id));
    });
  }

  change<I extends string, T>(
    kind: PartKind<I, T>,
    exchange: Exchange,
    org: string,
    id: string,
    changesOf: (id: I) => readonly OrganizationChange[],
  ): Promise<object> {
    return this.edge.command(exchange, async (context) => {
      const { id: orgId, organization } = this.edge.organization(exchange, org);
      bodyOf(kind, organization, id);
      const changes = changesOf(parsed(kind, id));
      const { aggregate } = accepted(await this.commands.execute(new ChangeOrganization(context, orgId, changes)));
      return answerOf(aggregate, bodyIn(kind, aggregate.state, id));
    });
  }
}

function parsed<I extends string, T>(kind: PartKind<I, T>, id: string): I {
  const parsedId = kind.parse(id);
  if (parsedId === undefined) throw notFound(kind.name);
  return parsedId;
}

function bodyOf<I extends string, T>(kind: PartKind<I, T>, organization: Organization, id: string): object {
  const part = kind.in(organization).get(parsed(kind, id));
  if (part === undefined) throw notFound(kind.name);
  return kind.view(part);
}

function bodyIn<I extends string, T>(
  kind: PartKind<I, T>,
  state: { readonly status: string; readonly organization?: Organization },
  id: string,
): object {
  if (state.organization === undefined) throw new Error('an accepted command left no organization');
  return bodyOf(kind, state.organization, id);
}

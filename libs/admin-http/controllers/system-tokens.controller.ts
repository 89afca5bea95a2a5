import { Body, Get, Param, Post } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { CommandAnswer, CommandContext, SystemTokenWithSecret } from '#control';
import type { SystemTokenState } from '#identity';
import { parseId, type SystemTokenId } from '#kernel';
import { IssueSystemToken, RevokeSystemToken, RotateSystemToken } from '../dispatch/commands';
import { FindSystemToken, type FoundSystemToken, ListSystemTokens } from '../dispatch/queries';
import { ReasonDto } from '../dto/organizations.dto';
import { instant } from '../dto/rules';
import { IssueSystemTokenDto, RotateSystemTokenDto } from '../dto/system-tokens.dto';
import { type Accepted, accepted, answerOf } from '../edge/answers';
import { Edge } from '../edge/edge';
import { type Exchange, HttpExchange } from '../edge/exchange';
import { pageOf } from '../edge/pages';
import { notFound } from '../problems/problem';
import { validated } from '../problems/validated-body';
import { IssuedSystemTokenView, SystemTokenView, systemTokenView } from '../views/system-tokens.view';
import { AdminController, CommandRoute, ListRoute, ReadRoute } from './route-decorators';

@AdminController('system-tokens', 'System tokens')
export class SystemTokensController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @CommandRoute('Issues a token; its secret is shown in this answer and never again.', IssuedSystemTokenView, 201)
  issue(
    @HttpExchange() exchange: Exchange,
    @Body(validated(IssueSystemTokenDto)) { name, expiresAt }: IssueSystemTokenDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const wanted = { name, ...(expiresAt === undefined ? {} : { expiresAt: instant(expiresAt) }) };
      return secretAnswer(await this.commands.execute(new IssueSystemToken(context, wanted)), context, 201);
    });
  }

  @Get()
  @ListRoute('The tokens of the administrator, revoked ones too.', SystemTokenView)
  list(@HttpExchange() exchange: Exchange) {
    return this.edge.read(exchange, async () => {
      const { ids, find } = await this.queries.execute(new ListSystemTokens());
      const view = (id: SystemTokenId) => {
        const found = find(id);
        return found && systemTokenView(found.state, found.at);
      };
      return { body: pageOf(ids, exchange.query, view) };
    });
  }

  @Get(':id')
  @ReadRoute('One token, without its secret.', SystemTokenView)
  get(@HttpExchange() exchange: Exchange, @Param('id') id: string) {
    return this.edge.read(exchange, async () => {
      const { state, at, versioned } = await this.find(id);
      return { body: systemTokenView(state, at), tag: String(versioned.revision) };
    });
  }

  @Post(':id/rotate')
  @CommandRoute('Gives it a new secret; the old one lives until the grace ends.', IssuedSystemTokenView)
  rotate(
    @HttpExchange() exchange: Exchange,
    @Param('id') id: string,
    @Body(validated(RotateSystemTokenDto)) { graceSeconds }: RotateSystemTokenDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { state } = await this.find(id);
      const command = new RotateSystemToken(context, state.token.id, graceSeconds);
      return secretAnswer(await this.commands.execute(command), context, 200);
    });
  }

  @Post(':id/revoke')
  @CommandRoute('Revokes it for good; refused (409) for the last one that does not expire.', SystemTokenView)
  revoke(
    @HttpExchange() exchange: Exchange,
    @Param('id') id: string,
    @Body(validated(ReasonDto)) { reason }: ReasonDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { state } = await this.find(id);
      const done = accepted(await this.commands.execute(new RevokeSystemToken(context, state.token.id, reason)));
      return answerOf(done.aggregate, bodyOf(done, context));
    });
  }

  private async find(id: string): Promise<FoundSystemToken> {
    const tokenId = parseId('tok', id);
    const found = tokenId && (await this.queries.execute(new FindSystemToken(tokenId)));
    if (found === undefined) throw notFound('token');
    return found;
  }
}

function bodyOf({ aggregate }: Accepted<SystemTokenState>, { at }: CommandContext): SystemTokenView {
  if (aggregate.state.status === 'none') throw new Error('an accepted command left no token');
  return systemTokenView(aggregate.state, at);
}

/** The only answer that holds a secret. */
function secretAnswer(issued: SystemTokenWithSecret, context: CommandContext, status: 200 | 201): CommandAnswer {
  const done = accepted(issued);
  const body = bodyOf(done, context);
  const { secret } = issued;
  return secret === undefined
    ? answerOf(done.aggregate, body)
    : { ...answerOf(done.aggregate, { ...body, secret }, status), secret };
}

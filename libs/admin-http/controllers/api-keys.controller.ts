import { Body, Get, Param, Patch, Post, Put } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { CommandAnswer, CommandContext, KeyIssued } from '#control';
import type { ApiKeyState } from '#identity';
import { type ApiKeyId, type MemberId, type OrganizationId, parseId, type ServiceAccountId } from '#kernel';
import { limitsOf, limitsTag } from '#ledger';
import { ChangeApiKey, EditLedger, IssueApiKey, RevokeApiKey, RotateApiKey } from '../dispatch/commands';
import { FindApiKey, type FoundKey, ListApiKeys, ReadLedger } from '../dispatch/queries';
import { type ApiKeyOwnerDto, ChangeApiKeyDto, IssueApiKeyDto, RotateApiKeyDto } from '../dto/api-keys.dto';
import { LimitsDto } from '../dto/ledger.dto';
import { ReasonDto } from '../dto/organizations.dto';
import { instant } from '../dto/rules';
import { type Accepted, type Body as AnswerBody, accepted, acceptedByLedger, answerOf } from '../edge/answers';
import { Edge } from '../edge/edge';
import { type Exchange, HttpExchange } from '../edge/exchange';
import { pageOf } from '../edge/pages';
import { notFound } from '../problems/problem';
import { validated } from '../problems/validated-body';
import { ApiKeyView, apiKeyView, IssuedApiKeyView } from '../views/api-keys.view';
import { LimitsView, limitsBody, wantedLimits } from '../views/ledger.view';
import { AdminController, CommandRoute, ListRoute, ReadRoute } from './route-decorators';

@AdminController('organizations/:org/api-keys', 'API keys')
export class ApiKeysController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @CommandRoute('Issues a key; its secret is shown in this answer and never again.', IssuedApiKeyView, 201)
  issue(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(IssueApiKeyDto)) { owner, expiresAt, ...body }: IssueApiKeyDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { id } = this.edge.organization(exchange, org);
      const wanted = {
        ...body,
        ...(owner === undefined ? {} : { owner: ownerOf(owner) }),
        ...(expiresAt === undefined ? {} : { expiresAt: instant(expiresAt) }),
      };
      return secretAnswer(await this.commands.execute(new IssueApiKey(context, id, wanted)), context, 201);
    });
  }

  @Get()
  @ListRoute('The keys of an organization, revoked ones too.', ApiKeyView)
  list(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.edge.read(exchange, async () => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const { ids, find } = await this.queries.execute(new ListApiKeys(orgId));
      const view = (id: ApiKeyId) => {
        const found = find(id);
        return found && apiKeyView(found.state, found.at, found.fallen);
      };
      return { body: pageOf(ids, exchange.query, view) };
    });
  }

  @Get(':id')
  @ReadRoute('One key, without its secret.', ApiKeyView)
  get(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.edge.read(exchange, async () => {
      const { found } = await this.find(exchange, org, id);
      return { body: apiKeyView(found.state, found.at, found.fallen), tag: String(found.versioned.revision) };
    });
  }

  @Patch(':id')
  @CommandRoute('Changes what is named; null lifts a restriction.', ApiKeyView)
  change(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('id') id: string,
    @Body(validated(ChangeApiKeyDto)) { expiresAt, ...body }: ChangeApiKeyDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { orgId, found } = await this.find(exchange, org, id);
      const expiry = typeof expiresAt === 'string' ? instant(expiresAt) : expiresAt;
      const changes = { ...body, ...(expiry === undefined ? {} : { expiresAt: expiry }) };
      const command = new ChangeApiKey(context, orgId, found.key.id, changes);
      return keyAnswer(accepted(await this.commands.execute(command)), context);
    });
  }

  @Post(':id/rotate')
  @CommandRoute('Gives it a new secret; the old one lives until the grace ends.', IssuedApiKeyView)
  rotate(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('id') id: string,
    @Body(validated(RotateApiKeyDto)) { graceSeconds }: RotateApiKeyDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { orgId, found } = await this.find(exchange, org, id);
      const command = new RotateApiKey(context, orgId, found.key.id, graceSeconds);
      return secretAnswer(await this.commands.execute(command), context, 200);
    });
  }

  @Post(':id/revoke')
  @CommandRoute('Revokes it for good: no call is admitted from the answer on.', ApiKeyView)
  revoke(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('id') id: string,
    @Body(validated(ReasonDto)) { reason }: ReasonDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { orgId, found } = await this.find(exchange, org, id);
      const command = new RevokeApiKey(context, orgId, found.key.id, reason);
      return keyAnswer(accepted(await this.commands.execute(command)), context);
    });
  }

  @Get(':id/limits')
  @ReadRoute('Its rate limits; what is absent is not limited.', LimitsView)
  limits(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.edge.read(exchange, async () => {
      const { orgId, found } = await this.find(exchange, org, id);
      const { state } = await this.queries.execute(new ReadLedger(orgId));
      const limits = limitsOf(state, { type: 'api-key', id: found.key.id });
      return { body: limitsBody(limits), tag: limitsTag(limits) };
    });
  }

  @Put(':id/limits')
  @CommandRoute('Replaces its rate limits; what is absent is not limited.', LimitsView)
  setLimits(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('id') id: string,
    @Body(validated(LimitsDto)) limits: LimitsDto,
  ) {
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const { orgId, found } = await this.find(exchange, org, id);
      const target = { type: 'api-key', id: found.key.id } as const;
      const change = { type: 'SetLimits', target, limits: wantedLimits(limits) } as const;
      const done = acceptedByLedger(await this.commands.execute(new EditLedger(context, orgId, change)));
      const now = limitsOf(done.state, target);
      const body: AnswerBody = { ...limitsBody(now) };
      return { status: 200, body, etag: limitsTag(now), position: String(done.position) };
    });
  }

  private async find(
    exchange: Exchange,
    org: string,
    id: string,
  ): Promise<{ readonly orgId: OrganizationId; readonly found: FoundKey }> {
    const { id: orgId } = this.edge.organization(exchange, org);
    const keyId = parseId('key', id);
    const found = keyId && (await this.queries.execute(new FindApiKey(orgId, keyId)));
    if (found === undefined) throw notFound('key');
    return { orgId, found };
  }
}

/** Whether the owner is there is for the organization to say: an id of the wrong form is not. */
function ownerOf({ type, id }: ApiKeyOwnerDto) {
  return type === 'member' ? { type, id: id as MemberId } : { type, id: id as ServiceAccountId };
}

function bodyOf({ aggregate }: Accepted<ApiKeyState>, { at }: CommandContext): ApiKeyView {
  if (aggregate.state.status === 'none') throw new Error('an accepted command left no key');
  return apiKeyView(aggregate.state, at);
}

function keyAnswer(done: Accepted<ApiKeyState>, context: CommandContext): CommandAnswer {
  return answerOf(done.aggregate, bodyOf(done, context));
}

/** The only answer that holds a secret. */
function secretAnswer(issued: KeyIssued, context: CommandContext, status: 200 | 201): CommandAnswer {
  const done = accepted(issued);
  const body = bodyOf(done, context);
  const { secret } = issued;
  return secret === undefined
    ? answerOf(done.aggregate, body)
    : { ...answerOf(done.aggregate, { ...body, secret }, status), secret };
}

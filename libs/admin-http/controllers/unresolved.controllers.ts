import { Body, Get, Param, Post, Put } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { CommandAnswer, CommandContext } from '#control';
import { parseReason, REASON_RULE } from '#identity';
import { type ApiKeyId, type ModelId, type ProjectId, parseId, usd } from '#kernel';
import {
  policyTag,
  RESOLVED_AT_ONCE_MAX,
  type ResolveAt,
  resolvedBy,
  type UnresolvedFilter,
  unresolvedCalls,
  unresolvedPolicy,
} from '#ledger';
import { ChangeLedger, EditLedger } from '../dispatch/commands';
import { ReadLedger } from '../dispatch/queries';
import { ResolveCallDto, ResolveCallsDto, type UnresolvedFilterDto, UnresolvedPolicyDto } from '../dto/ledger.dto';
import { instant } from '../dto/rules';
import { acceptedByLedger } from '../edge/answers';
import { Edge } from '../edge/edge';
import { type Exchange, HttpExchange } from '../edge/exchange';
import { invalidField, notFound } from '../problems/problem';
import { validated } from '../problems/validated-body';
import { ResolvedCallsView, ResolvedCallView, resolvedCallBody, UnresolvedPolicyView } from '../views/ledger.view';
import { AdminController, CommandRoute, ReadRoute } from './route-decorators';

const COMMAND_ID_BYTES = 16;

/** The same at each repeat of a keyed command, and nobody else's. */
function commandIdOf({ keyed, identifiers }: CommandContext): string {
  return keyed?.commandId ?? Buffer.from(identifiers.random(COMMAND_ID_BYTES)).toString('hex');
}

function reasonOf(reason: string): string {
  if (parseReason(reason) === undefined) throw invalidField('/reason', `Why is it settled so? Please ${REASON_RULE}.`);
  return reason;
}

function filterOf({ model, apiKeyId, projectId, from, to, code }: UnresolvedFilterDto): UnresolvedFilter {
  return {
    ...(model === undefined ? {} : { model: model as ModelId }),
    ...(apiKeyId === undefined ? {} : { keyId: apiKeyId as ApiKeyId }),
    ...(projectId === undefined ? {} : { projectId: projectId as ProjectId }),
    ...(from === undefined ? {} : { from: instant(from) }),
    ...(to === undefined ? {} : { to: instant(to) }),
    ...(code === undefined ? {} : { reason: code }),
  };
}

function amountOf({ at, cost }: ResolveCallsDto): ResolveAt {
  if (at !== undefined && cost === undefined) return { kind: at };
  if (at === undefined && cost !== undefined) return { kind: 'cost', cost: usd(cost) };
  throw invalidField('/at', 'Name either at (counted or ceiling) or the cost of each call.');
}

@AdminController('organizations/:org/calls', 'Calls')
export class CallsController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
  ) {}

  @Post('resolve')
  @CommandRoute(
    'Settles a page of calls whose cost nobody knows, those that wait longest first; repeat it for the rest.',
    ResolvedCallsView,
  )
  resolveSeveral(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(ResolveCallsDto)) body: ResolveCallsDto,
  ) {
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const [filter, commandId] = [filterOf(body.filter), commandIdOf(context)];
      const change = {
        type: 'ResolveCalls',
        filter,
        at: amountOf(body),
        source: 'operator',
        reason: reasonOf(body.reason),
        callsMax: body.limit ?? RESOLVED_AT_ONCE_MAX,
        commandId,
      } as const;
      const { state, position } = acceptedByLedger(
        await this.commands.execute(new ChangeLedger(context, orgId, change)),
      );
      const data = resolvedBy(state, commandId).map((call) => resolvedCallBody(call));
      const answer = { data, remaining: unresolvedCalls(state, filter).length };
      return { status: 200, body: answer, position: String(position) };
    });
  }

  @Post(':requestId/resolve')
  @CommandRoute(
    'Settles a call whose cost nobody knows, at the cost that you name; of one that is resolved, corrects it.',
    ResolvedCallView,
  )
  resolve(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('requestId') requestId: string,
    @Body(validated(ResolveCallDto)) { cost, reason }: ResolveCallDto,
  ) {
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const callId = parseId('req', requestId);
      if (callId === undefined) throw notFound('call');
      const change = {
        type: 'ResolveCall',
        callId,
        source: 'operator',
        cost: usd(cost),
        reason: reasonOf(reason),
        ...(context.keyed === undefined ? {} : { commandId: context.keyed.commandId }),
      } as const;
      const done = acceptedByLedger(await this.commands.execute(new ChangeLedger(context, orgId, change)));
      const call = done.state.resolved.entries.get(callId)?.value;
      if (call === undefined) throw notFound('call');
      const corrected = done.events.find((event) => event.type === 'InferenceCorrected');
      const body = { ...resolvedCallBody(call, corrected?.data.before.cost) };
      return { status: 200, body, position: String(done.position) };
    });
  }
}

@AdminController('organizations/:org/unresolved-policy', 'Calls')
export class UnresolvedPolicyController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @ReadRoute('What becomes of calls whose cost nobody knows and that nobody resolves.', UnresolvedPolicyView)
  get(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.edge.read(exchange, async () => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const { state } = await this.queries.execute(new ReadLedger(orgId));
      const policy = unresolvedPolicy(state);
      return { body: policy, tag: policyTag(policy) };
    });
  }

  @Put()
  @CommandRoute('Chooses what becomes of them, and when; those of before are meant, too.', UnresolvedPolicyView)
  set(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(UnresolvedPolicyDto)) { resolveAt, afterSeconds }: UnresolvedPolicyDto,
  ) {
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const change = { type: 'SetUnresolvedPolicy', policy: { resolveAt, afterSeconds } } as const;
      const done = acceptedByLedger(await this.commands.execute(new EditLedger(context, orgId, change)));
      const policy = unresolvedPolicy(done.state);
      return { status: 200, body: { ...policy }, etag: policyTag(policy), position: String(done.position) };
    });
  }
}

import 'reflect-metadata';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type QueryParameters, queryProblem } from '#http-edge';
import { invalidField } from '../problems/problem';

/** Where `@ApiQuery` keeps what it was told: what is documented is what is taken. */
const DOCUMENTED = 'swagger/apiParameters';

interface DocumentedParameter {
  readonly name?: unknown;
  readonly in?: unknown;
  readonly isArray?: unknown;
}

const known = new WeakMap<object, QueryParameters>();

function parametersOf(handler: object): QueryParameters {
  const remembered = known.get(handler);
  if (remembered !== undefined) return remembered;
  const documented = (Reflect.getMetadata(DOCUMENTED, handler) ?? []) as readonly DocumentedParameter[];
  const parameters = Object.fromEntries(
    documented
      .filter((parameter) => parameter.in === 'query' && typeof parameter.name === 'string')
      .map(({ name, isArray }) => [String(name), isArray === true ? ('repeatable' as const) : ('once' as const)]),
  );
  known.set(handler, parameters);
  return parameters;
}

/** Refuses what a route does not document: a misspelt filter must not answer with everything. */
@Injectable()
export class QueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query } = context.switchToHttp().getRequest<FastifyRequest>();
    const problem = queryProblem(query, parametersOf(context.getHandler()));
    if (problem !== undefined) throw invalidField(`/${problem.parameter}`, problem.message);
    return true;
  }
}

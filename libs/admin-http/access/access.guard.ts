import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { admissionOf } from './access-door';
import { routeKey } from './routes';

/** Holds every handler to what the door has admitted: nothing is handled as a route that was not granted. */
@Injectable()
export class AccessGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const admission = admissionOf(context.switchToHttp().getRequest<FastifyRequest>());
    const route = routeKey(context.getClass(), context.getHandler());
    if (admission?.route === undefined || admission.route !== route)
      throw new Error(`${route} was about to be handled for a request that the door has not admitted to it`);
    return true;
  }
}

import type { FastifyInstance } from 'fastify';
import { invitesBody } from '#http-server';

/** Asks for a body that waits to be asked for, once its request has been let in: who is refused before has sent nothing. */
export function inviteBodies(server: FastifyInstance): void {
  server.addHook('preParsing', (request, reply, payload, done) => {
    invitesBody(request.raw, reply.raw);
    done(null, payload);
  });
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BodyFailure, type BodyLimits, BodyMemory, type BodyProblem, receiveBody, whenOver } from '#http-server';
import { InvalidJsonError, readClientBody } from '#inference/json';
import { Problem } from './problems/problem';

/** Far beyond what any command needs. */
const LIMITS: BodyLimits = { bytesMax: 1024 * 1024, json: { weightMax: 400_000 } };

const PROBLEMS: Readonly<Record<BodyProblem, readonly [status: number, code: string, message: string]>> = {
  'too-large': [413, 'request_too_large', 'The body is too large.'],
  'too-slow': [408, 'request_timeout', 'The body did not go on arriving. Send it again.'],
  'too-deep': [400, 'malformed_request', 'The body is nested too deeply. Flatten it.'],
  'too-many-values': [400, 'too_many_values', 'The body holds too many values. Send fewer.'],
  'no-room': [429, 'too_many_bytes_in_flight', 'The request bodies in flight are too large together. Try again.'],
  left: [400, 'malformed_request', 'The request is malformed: its body has to be one JSON value.'],
};

function problemOf({ problem }: BodyFailure): Problem {
  const [status, code, message] = PROBLEMS[problem];
  const headers = {
    ...(problem === 'no-room' && { 'retry-after': '1' }),
    ...(status === 408 && { connection: 'close' }),
  };
  return new Problem(status, code, message, { headers });
}

/** A key that stands twice says two things, of which one would be overlooked. The bytes are known to be JSON. */
function ambiguityOf(bytes: Buffer): Problem | undefined {
  try {
    const { fault } = readClientBody(bytes);
    return fault?.code === 'ambiguous_field' ? new Problem(400, 'malformed_request', fault.message) : undefined;
  } catch (error) {
    if (!(error instanceof InvalidJsonError)) throw error;
    return new Problem(
      400,
      'malformed_request',
      'The request is malformed: its body has to be one JSON value in UTF-8.',
    );
  }
}

/**
 * Lets all planes but `/v1`, which has its own way, take bodies of JSON: counted as they arrive, weighed before they are
 * parsed. Nothing is read for a path at which nothing is.
 */
export function takeJsonBodies(server: FastifyInstance, memory: BodyMemory = BodyMemory.ofHeap()): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  const answers = new WeakMap<IncomingMessage, ServerResponse>();
  server.removeAllContentTypeParsers();
  server.addHook('preParsing', (request, reply, payload, done) => {
    answers.set(request.raw, reply.raw);
    done(null, payload);
  });
  server.addContentTypeParser('application/json', (request: FastifyRequest, _payload, done) => {
    if (request.is404) return done(null, undefined);
    const share = memory.open({ group: 'commands', member: request.ip });
    const answer = answers.get(request.raw);
    if (answer !== undefined) whenOver(answer, () => share.release());
    // It never rejects: what goes wrong with a body is an answer.
    void receiveBody(request.raw, LIMITS, share).then((body) => {
      if (body instanceof BodyFailure) done(null, problemOf(body));
      // Many programs send the header always: what has no bytes is no body, and a command that needs one says so.
      else if (body.length === 0) done(null, undefined);
      else void parse(request, body.toString('utf8'), (error, value) => done(error, ambiguityOf(body) ?? value));
    });
  });
  server.addHook('preValidation', (request, _reply, done) => {
    if (request.body instanceof Problem) done(request.body);
    else done();
  });
}

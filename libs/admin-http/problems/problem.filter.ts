import { STATUS_CODES } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ControlUnavailableError } from '#control';
import type { Identifiers } from '#environment';
import { AppendOutcomeUnknownError, StoreUnavailableError } from '#event-store';
import { CanonicalizationError, type RequestId, redactSecrets, UnencodableEventError } from '#kernel';
import { LedgerUnavailableError } from '#ledger';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from '../options';
import { identityOf } from '../request-identity';
import { Problem } from './problem';
import { rememberProblemCode } from './problem-code';

const UNAVAILABLE = [
  ControlUnavailableError,
  LedgerUnavailableError,
  StoreUnavailableError,
  AppendOutcomeUnknownError,
] as const;

/** What the framework itself turns away, by status. */
const FRAMEWORK_PROBLEMS: Readonly<Record<number, readonly [code: string, message: string]>> = {
  400: ['malformed_request', 'The request is malformed: its body has to be one JSON value.'],
  404: ['not_found', 'There is nothing at this path and method.'],
  405: ['method_not_allowed', 'This path does not take this method.'],
  413: ['request_too_large', 'The body is too large.'],
  414: ['uri_too_long', 'The path is too long.'],
  415: ['unsupported_media_type', 'Send the body as Content-Type: application/json.'],
};

/** Errors of Fastify and of Nest carry their status in one of these. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

function isBadUrl(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'FST_ERR_BAD_URL';
}

/** What any thrown thing is in HTTP; `undefined` for a mistake of the platform. */
function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof CanonicalizationError || error instanceof UnencodableEventError)
    return new Problem(422, 'unencodable', 'The request holds text that is not Unicode, or is too large to record.');
  if (UNAVAILABLE.some((kind) => error instanceof kind)) {
    const message =
      'The record cannot be written or read now. Try again, with the same Idempotency-Key if you sent one.';
    return new Problem(503, 'record_unavailable', message, { headers: { 'retry-after': '1' } });
  }
  const status = statusOf(error);
  if (status === undefined || status >= 500) return undefined;
  if (isBadUrl(error))
    return new Problem(status, 'malformed_url', 'The path is malformed: percent-encode it as UTF-8.');
  const [code, message] = FRAMEWORK_PROBLEMS[status] ?? ['bad_request', 'The request cannot be answered.'];
  return new Problem(status, code, message);
}

const UNEXPECTED = new Problem(500, 'internal_error', 'The platform made a mistake; it has been logged.');

/** As RFC 9457 describes: without a type of its own the title is the status', and the detail says what to do. */
function sendProblem(reply: FastifyReply, problem: Problem, requestId: RequestId | undefined): FastifyReply {
  const { status, code, message: detail, errors, headers } = problem;
  const title = STATUS_CODES[status] ?? 'Error';
  return reply
    .headers(headers)
    .status(status)
    .type('application/problem+json; charset=utf-8')
    .send(redactSecrets(JSON.stringify({ type: 'about:blank', title, status, code, detail, requestId, errors })));
}

/** For Fastify's option `frameworkErrors`: what fails before any route is found, such as a malformed URL. */
export function answerFrameworkErrors(identifiers: Pick<Identifiers, 'id'>) {
  return (error: Error, _request: unknown, reply: FastifyReply): void => {
    const requestId = identifiers.id('req');
    void sendProblem(reply.header('x-request-id', requestId), problemOf(error) ?? UNEXPECTED, requestId);
  };
}

/** Every failure outside `/v1` leaves as RFC 9457 `application/problem+json`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(ADMIN_HTTP_OPTIONS) private readonly options: AdminHttpOptions) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const requestId = identityOf(request)?.requestId;
    const problem = problemOf(error);
    if (problem === undefined) this.options.onUnexpected?.(error, requestId);
    rememberProblemCode(request, (problem ?? UNEXPECTED).code);
    // An answer that has begun cannot be taken back.
    if (!reply.sent) void sendProblem(reply, problem ?? UNEXPECTED, requestId);
  }
}

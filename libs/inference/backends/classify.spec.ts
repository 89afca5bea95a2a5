import { ERROR_CODES } from '../openai/errors';
import { classifyTrouble, type UpstreamTrouble } from './classify';
import type { BackendError } from './trouble';
import type { UnbilledErrors } from './unbilled-errors';

function status(code: number, error = {}, retryAfterMs?: number): UpstreamTrouble {
  return { kind: 'status', status: code, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function row(trouble: UpstreamTrouble, unbilled: UnbilledErrors = 'none') {
  const shown = classifyTrouble(trouble, unbilled);
  const { record, code, shouldRetry, mayFailOver } = shown;
  return [shown.status ?? ERROR_CODES[code].status, code, record, shouldRetry, mayFailOver];
}

function inside(error: BackendError, beforeOutput = true): UpstreamTrouble {
  return { kind: 'backend-error', error, beforeOutput };
}

describe('classifyTrouble: one row per outcome', () => {
  it.each<[string, UpstreamTrouble, unknown[]]>([
    ['connect failed', { kind: 'connect-failed', reason: 'x' }, [503, 'backend_unavailable', 'released', true, true]],
    ['400', status(400), [400, 'backend_rejected_request', 'released', false, false]],
    ['422', status(422), [400, 'backend_rejected_request', 'released', false, false]],
    ['401', status(401), [502, 'backend_misconfigured', 'released', false, true]],
    ['402', status(402), [502, 'backend_misconfigured', 'released', false, true]],
    ['403', status(403), [502, 'backend_misconfigured', 'released', false, true]],
    ['404', status(404), [502, 'backend_misconfigured', 'released', false, true]],
    ['302', status(302), [502, 'backend_misconfigured', 'released', false, true]],
    ['413', status(413), [413, 'request_too_large', 'released', false, false]],
    ['429', status(429), [429, 'backend_rate_limited', 'released', true, true]],
    ['500', status(500), [502, 'backend_failed', 'failed-unresolved', false, false]],
    ['no first byte', { kind: 'first-byte-timeout' }, [504, 'backend_timeout', 'unresolved', false, false]],
    ['silence', { kind: 'idle-timeout' }, [504, 'backend_timeout', 'unresolved', false, false]],
    ['lost', { kind: 'connection-lost', reason: 'x' }, [502, 'backend_interrupted', 'unresolved', false, false]],
    ['cut', { kind: 'cut' }, [502, 'backend_interrupted', 'unresolved', false, false]],
    [
      'garbage',
      { kind: 'garbage', reason: 'invalid-json' },
      [502, 'backend_invalid_answer', 'unresolved', false, false],
    ],
    ['error frame', { kind: 'backend-error', error: {} }, [502, 'backend_failed', 'unresolved', false, false]],
    ['our own bug', { kind: 'reader-failed', error: 1 }, [500, 'internal_error', 'unresolved', false, false]],
  ])('%s', (_name, trouble, expected) => {
    expect(row(trouble)).toEqual(expected);
  });

  it.each([
    [500, 'backend_failed'],
    [503, 'backend_overloaded'],
    [529, 'backend_overloaded'],
  ])('an overload (%i) is no bill where the backend is known so: it keeps its status', (code, shown) => {
    expect(row(status(code), 'overload')).toEqual([code, shown, 'released', true, true]);
    expect(row(status(code), 'server-errors')).toEqual([code, shown, 'released', true, true]);
    expect(row(status(code))).toEqual([502, 'backend_failed', 'failed-unresolved', false, false]);
    expect(classifyTrouble(status(code, {}, 7_000), 'overload').retryAfterMs).toBe(7_000);
  });

  it.each([501, 502, 504, 520])('%i comes from somewhere in between, and may have run', (code) => {
    expect(row(status(code), 'overload')).toEqual([502, 'backend_failed', 'failed-unresolved', false, false]);
    expect(row(status(code), 'server-errors')).toEqual([502, 'backend_failed', 'failed-unbilled', true, true]);
  });

  it.each<[BackendError, unknown[]]>([
    [{ type: 'overloaded_error' }, [529, 'backend_overloaded', 'released', true, true]],
    [{ type: 'api_error' }, [500, 'backend_failed', 'released', true, true]],
    [{ code: '503' }, [503, 'backend_overloaded', 'released', true, true]],
    [{ message: 'no more' }, [500, 'backend_failed', 'released', true, true]],
    [{ type: 'timeout_error' }, [502, 'backend_failed', 'failed-unbilled', true, true]],
    [{ type: 'rate_limit_error' }, [429, 'backend_rate_limited', 'released', true, true]],
    [{ type: 'BadRequestError', code: '400' }, [400, 'backend_rejected_request', 'released', false, false]],
    [{ type: 'authentication_error' }, [502, 'backend_misconfigured', 'released', false, true]],
    [{ code: 'insufficient_quota' }, [502, 'backend_misconfigured', 'released', false, true]],
  ])('an error in place of any output is what it says: %j', (error, expected) => {
    expect(row(inside(error), 'overload')).toEqual(expected);
    expect(row(inside(error))).toEqual([502, 'backend_failed', 'unresolved', false, false]);
    expect(row(inside(error, false), 'server-errors')).toEqual([502, 'backend_failed', 'unresolved', false, false]);
  });

  it('a kept connection that was closed by the time it was used has carried nothing', () => {
    const stale: UpstreamTrouble = { kind: 'stale-connection', reason: 'ECONNRESET' };
    expect(row(stale, 'overload')).toEqual([503, 'backend_unavailable', 'released', true, true]);
    expect(row(stale)).toEqual([502, 'backend_interrupted', 'unresolved', false, false]);
  });

  it('passes on how long the backend asks to wait', () => {
    expect(classifyTrouble(status(429, {}, 7_000), 'none').retryAfterMs).toBe(7_000);
  });

  it("passes on the backend's explanation of a bad request", () => {
    const error = { code: 'context_length_exceeded', message: 'at most 8192 tokens' };
    expect(classifyTrouble(status(400, error), 'none')).toMatchObject({
      backendCode: 'context_length_exceeded',
      message: 'at most 8192 tokens',
    });
    expect(classifyTrouble(status(400, { code: '400' }), 'none')).not.toHaveProperty('backendCode');
  });

  it.each([
    { code: 'model_not_found', message: 'no such model up-1' },
    { code: 'invalid_api_key', message: 'Incorrect API key provided.' },
    { code: 'billing_hard_limit_reached', message: 'Billing hard limit has been reached' },
    { type: 'authentication_error', message: 'invalid x-api-key' },
    { type: 'billing_error', message: 'Your credit balance is too low.' },
  ])('a 400 about the platform itself is not shown to clients: %j', (error) => {
    const shown = classifyTrouble(status(400, error), 'none');
    expect(shown).toMatchObject({ code: 'backend_misconfigured' });
    expect(shown).not.toHaveProperty('message');
  });

  it.each([
    { type: 'invalid_request_error', message: 'Unknown field "billing": no quota of that name.' },
    { code: 'unknown_parameter', message: 'organization is not a known parameter' },
    { message: 'the credential of your tool must be a string' },
  ])('a 400 is not judged by its words: %j', (error) => {
    const shown = classifyTrouble(status(400, error), 'overload');
    expect(shown).toMatchObject({ code: 'backend_rejected_request', message: error.message, mayFailOver: false });
  });
});

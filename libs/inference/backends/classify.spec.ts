import { ERROR_CODES } from '../openai/errors';
import { classifyTrouble, type UpstreamTrouble } from './classify';

function status(code: number, error = {}, retryAfterMs?: number): UpstreamTrouble {
  return { kind: 'status', status: code, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function row(trouble: UpstreamTrouble, isUnbilled = false) {
  const { record, code, shouldRetry, mayFailOver } = classifyTrouble(trouble, isUnbilled);
  return [ERROR_CODES[code].status, code, record, shouldRetry, mayFailOver];
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

  it('5xx of a backend that never bills them can be tried again, here or elsewhere', () => {
    expect(row(status(503), true)).toEqual([502, 'backend_failed', 'failed-unbilled', true, true]);
  });

  it('passes on how long the backend asks to wait', () => {
    expect(classifyTrouble(status(429, {}, 7_000), false).retryAfterMs).toBe(7_000);
  });

  it("passes on the backend's explanation of a bad request", () => {
    const error = { code: 'context_length_exceeded', message: 'at most 8192 tokens' };
    expect(classifyTrouble(status(400, error), false)).toMatchObject({
      backendCode: 'context_length_exceeded',
      message: 'at most 8192 tokens',
    });
    expect(classifyTrouble(status(400, { code: '400' }), false)).not.toHaveProperty('backendCode');
  });

  it.each([
    { code: 'model_not_found', message: 'no such model up-1' },
    { message: 'API key not valid. Please pass a valid API key.' },
    { code: 'billing_hard_limit_reached', message: 'Billing hard limit has been reached' },
  ])('a 400 about the platform itself is not shown to clients: %j', (error) => {
    const shown = classifyTrouble(status(400, error), false);
    expect(shown).toMatchObject({ code: 'backend_misconfigured' });
    expect(shown).not.toHaveProperty('message');
  });
});

import { ERROR_CODES, type ErrorCode, errorAnswer } from './errors';

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

function answerOf(code: ErrorCode, options: Partial<Parameters<typeof errorAnswer>[1]> = {}) {
  const answer = errorAnswer(code, { requestId: 'req_1', ...options });
  return { ...answer, error: JSON.parse(answer.body).error };
}

describe('errorAnswer', () => {
  it("has OpenAI's shape with the platform's request id", () => {
    const answer = answerOf('budget_exhausted', { details: { limit: '10', requested: '0.5' } });
    expect(answer).toMatchObject({
      status: 402,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'x-request-id': 'req_1',
        'x-should-retry': 'false',
      },
      error: {
        type: 'budget_error',
        code: 'budget_exhausted',
        param: null,
        request_id: 'req_1',
        details: { limit: '10', requested: '0.5' },
      },
    });
  });

  it.each([
    [1, '1', '1'],
    [0, '1', '1'],
    [2_400, '3', '2400'],
    [60_000, '60', '60000'],
    [86_400_000, '60', '60000'],
  ])('a wait of %d ms becomes %s whole seconds', (retryAfterMs, seconds, ms) => {
    const answer = answerOf('rate_limit_exceeded', { retryAfterMs });
    expect(answer.headers).toMatchObject({ 'retry-after': seconds, 'retry-after-ms': ms, 'x-should-retry': 'true' });
    expect(answer.error.message).toMatch(new RegExp(`Please try again in ${seconds}s\\.$`));
  });

  it('every 429 says when to come back, even if nobody knows', () => {
    for (const code of codes.filter((name) => ERROR_CODES[name].status === 429))
      expect(answerOf(code).headers['retry-after']).toBe('1');
  });

  it('names what a client sent in short, however long it is, and never a secret', () => {
    const name = 'x'.repeat(5_000_000);
    const { error, body } = answerOf('unsupported_field', { message: `'${name}' is not known.`, param: name });
    expect(Buffer.byteLength(body)).toBeLessThan(5_000);
    expect([error.message, error.param]).toEqual([expect.stringMatching(/^'x+…$/), expect.stringMatching(/^x+…$/)]);
    const secret = `aiaas_live_${'0'.repeat(26)}_${'a'.repeat(43)}`;
    expect(answerOf('unsupported_field', { message: `'${secret}' is not known.`, param: secret }).body).not.toContain(
      'a'.repeat(43),
    );
  });

  it('an answer whose wait is unknown names none', () => {
    expect(answerOf('record_unavailable').headers).not.toHaveProperty('retry-after');
  });

  it("can carry the backend's code, another message and another answer to retrying", () => {
    const answer = answerOf('backend_rejected_request', {
      backendCode: 'context_length_exceeded',
      message: 'Too long.',
      param: 'messages',
      shouldRetry: true,
    });
    expect(answer.error).toMatchObject({
      code: 'context_length_exceeded',
      type: 'invalid_request_error',
      message: 'Too long.',
      param: 'messages',
    });
    expect(answer.headers['x-should-retry']).toBe('true');
  });
});

describe('the table of codes', () => {
  it.each(codes)('%s: incurable refusals have statuses that no client retries', (code) => {
    const { status, retryable } = ERROR_CODES[code];
    const refusals = [400, 401, 402, 403, 404, 413];
    if (status < 500 && !retryable && code !== 'idempotency_outcome_unknown') expect(refusals).toContain(status);
    if (refusals.includes(status)) expect(retryable).toBe(false);
  });

  it.each(codes)('%s: its message is a sentence without the words that make clients give up', (code) => {
    const { message } = ERROR_CODES[code];
    expect(message).toMatch(/^[A-Z].*\.$/);
    expect(message).not.toMatch(/will reset at|billing|quota/i);
  });

  it('an answer never tells a foreign key from an unknown one: they share one code', () => {
    expect(ERROR_CODES.invalid_api_key.status).toBe(401);
    expect(ERROR_CODES.model_not_found.status).toBe(404);
  });
});

import type { KeyAuthenticator, KeyVerdict } from './ports';
import { INVALID, planeWith, someKey } from './spec-kit';

const KNOWN: KeyVerdict = { ok: true, key: someKey({ scopes: [] }) };

/** What a plane answers whose authenticator says one thing after the other. */
async function answerOf(verdicts: readonly KeyVerdict[], lookFor: KeyAuthenticator['lookFor']) {
  const failures: string[] = [];
  const left = [...verdicts];
  const server = await planeWith({
    authenticator: {
      authenticateKey: () => left.shift() ?? INVALID,
      authenticationFailed: (_, code) => failures.push(code),
      ...(lookFor === undefined ? {} : { lookFor }),
    },
  });
  const response = await server.inject({ method: 'POST', url: '/v1/chat/completions', headers: { 'x-api-key': 'x' } });
  return { code: response.json().error.code, status: response.statusCode, failures, headers: response.headers };
}

describe('a key that is not known here', () => {
  it('is looked up once more where another gateway may have issued it', async () => {
    // It has no scope that would let it call; but it is known.
    expect(await answerOf([INVALID, KNOWN], async () => true)).toMatchObject({
      code: 'insufficient_scope',
      failures: ['insufficient_scope'],
    });
  });

  it('is looked up once more, too, when its organization may have been resumed there', async () => {
    const suspended: KeyVerdict = { ok: false, code: 'organization_suspended' };
    expect(await answerOf([suspended, KNOWN], async () => true)).toMatchObject({ code: 'insufficient_scope' });
    expect(await answerOf([suspended, suspended], async () => true)).toMatchObject({
      status: 403,
      code: 'organization_suspended',
      failures: ['organization_suspended'],
    });
  });

  it('is invalid when it is not known after that either, or is nobody’s anyway', async () => {
    const invalid = { status: 401, code: 'invalid_api_key', failures: ['invalid_api_key'] };
    expect(await answerOf([INVALID, INVALID], async () => true)).toMatchObject(invalid);
    expect(await answerOf([INVALID, KNOWN], () => undefined)).toMatchObject(invalid);
  });

  it('is not called invalid while nobody can look: the client is to try again', async () => {
    const answer = await answerOf([INVALID, KNOWN], async () => false);
    expect(answer).toMatchObject({ status: 503, code: 'not_ready', failures: [] });
    expect(answer.headers['retry-after']).toBe('1');
  });
});

import { type CallReads, ReadRefusedError } from './call-reads';
import { planeWith, someKey } from './spec-kit';

function refusing(error: Error): CallReads {
  const refuse = () => Promise.reject(error);
  return { waitFor: refuse, callById: refuse, projectUsage: refuse };
}

const CALL = '/v1/calls/req_01k00000000000000000000000';

async function asked(url: string, error: Error) {
  const server = await planeWith({
    authenticator: { authenticateKey: () => ({ ok: true, key: someKey() }), authenticationFailed: () => undefined },
    reads: refusing(error),
  });
  return server.inject({ url, headers: { 'x-api-key': 'x' } });
}

describe('a read that is not answered', () => {
  it.each(['/v1/usage', CALL, '/v1/usage?atLeast=7'])(
    '%s says when to ask again while views are built or busy',
    async (url) => {
      const response = await asked(url, new ReadRefusedError(true, 'The view "usage" is being built.'));
      expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '1']);
      expect(response.json()).toMatchObject({
        error: {
          code: 'not_ready',
          message: expect.stringMatching(/^The view "usage" is being built\./),
          request_id: 'req_1',
        },
      });
    },
  );

  it('says what is wrong with a question', async () => {
    const response = await asked('/v1/usage', new ReadRefusedError(false, 'The range is too long.'));
    expect([response.statusCode, response.json().error.message]).toEqual([400, 'The range is too long.']);
  });
});

describe('a call of somebody else', () => {
  it.each([
    ['foreign', ['foreign_id']],
    ['none', []],
  ] as const)('is answered as one that is not there, and told to the security trail alone: %s', async (found, told) => {
    const failures: string[] = [];
    const server = await planeWith({
      authenticator: {
        authenticateKey: () => ({ ok: true, key: someKey() }),
        authenticationFailed: (_address, code, keyId) => failures.push(`${code} ${keyId}`),
      },
      reads: { ...refusing(new Error()), callById: async () => found },
    });
    const response = await server.inject({ url: CALL, headers: { 'x-api-key': 'x' } });
    expect([response.statusCode, response.json().error.code]).toEqual([404, 'call_not_found']);
    expect(failures).toEqual(told.map((code) => `${code} key_1`));
  });
});

import type { ApiKeyId, SystemTokenId } from '#kernel';
import { composeSecret, SECRET_RANDOM_BYTES } from '../secret';
import { newApiKeySecret, parseApiKeySecret } from './secret';

const keyId = 'key_01k00000000000000000000000' as ApiKeyId;
const random = Uint8Array.from({ length: SECRET_RANDOM_BYTES }, (_, i) => i * 3);

describe('the secret of an API key', () => {
  it.each(['live', 'test'] as const)('leads back to its key (%s)', (environment) => {
    const { secret } = newApiKeySecret(environment, keyId, random);
    expect(secret.startsWith(`aiaas_${environment}_`)).toBe(true);
    expect(parseApiKeySecret(secret)).toEqual({ ok: true, environment, keyId });
  });

  it('is no system token, and no system token is one', () => {
    const token = composeSecret('sys', 'tok_01k00000000000000000000000' as SystemTokenId, random);
    expect(parseApiKeySecret(token)).toEqual({ ok: false, reason: 'malformed' });
    const { secret } = newApiKeySecret('live', keyId, random);
    expect(parseApiKeySecret(secret.replace('_live_', '_test_'))).toEqual({ ok: false, reason: 'checksum' });
  });
});

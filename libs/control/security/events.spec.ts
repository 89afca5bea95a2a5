import { join } from 'node:path';
import { type ApiKeyId, epochMs, type SystemTokenId } from '#kernel';
import { type EventSamples, goldenChecks } from '#testing/golden';
import { type SecurityEvent, securityCodec } from './events';

const window = { from: epochMs(1_767_225_600_000), to: epochMs(1_767_225_610_000) };
const source = '203.0.113.0/24';

const samples: EventSamples<SecurityEvent> = {
  AuthenticationFailuresCounted: [
    {
      type: 'AuthenticationFailuresCounted',
      data: {
        ...window,
        failures: [
          { source, reason: 'invalid_api_key', count: 2 },
          { source: '2001:db8:0:0::/64', reason: 'differing_credentials', count: 1 },
          { source, reason: 'foreign_id', count: 1, keyId: 'key_01k00000000000000000000000' as ApiKeyId },
          { source, reason: 'invalid_token', count: 1, tokenId: 'tok_01k00000000000000000000000' as SystemTokenId },
        ],
        overflow: 3,
      },
    },
  ],
};

describe('facts of security', () => {
  it.each(goldenChecks({ codec: securityCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) =>
    run(),
  );
});

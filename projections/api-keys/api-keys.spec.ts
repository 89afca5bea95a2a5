import type { ApiKeyEvent } from '#identity/api-key';
import { apiKeyCodec, apiKeyStream } from '#identity/api-key';
import { composeEventId, epochMs } from '#kernel';
import { foldAll, keyIds, models, orgId, projectIds, Record } from '../spec-kit';
import { apiKeysProjection } from './projection';
import { apiKeysTable } from './table';

const keyId = keyIds[0];
const issued: ApiKeyEvent = {
  type: 'ApiKeyIssued',
  data: {
    keyId,
    orgId,
    projectId: projectIds[0],
    name: 'CI' as never,
    environment: 'live',
    scopes: ['inference'],
    models: [models[0]],
    expiresAt: epochMs(2_000_000_000_000),
    secretHash: 'hash' as never,
    fingerprint: 'abcd' as never,
  },
};

let serial = 0;
async function note(record: Record, event: ApiKeyEvent): Promise<void> {
  serial += 1;
  const id = composeEventId(record.now, Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 9, serial >> 8, serial & 255]));
  const metadata = { actor: { type: 'system', id: 'spec' }, at: record.now, orgId } as const;
  await record.store.append(apiKeyStream(keyId), 'any', [apiKeyCodec.encode({ id, event, metadata })]);
}

async function key(record: Record) {
  return foldAll(apiKeysProjection, await record.events()).get(apiKeysTable, keyId);
}

describe('the view of API keys', () => {
  it('shows a key as it was issued, without its secret', async () => {
    const record = new Record();
    await note(record, issued);
    const found = await key(record);
    expect(found).toMatchObject({
      keyId,
      orgId,
      name: 'CI',
      status: 'active',
      fingerprint: 'abcd',
      rotations: 0,
      issuedAt: record.now,
    });
    expect(JSON.stringify(found)).not.toContain('hash');
  });

  it('follows changes, a rotation and the revocation', async () => {
    const record = new Record();
    await note(record, issued);
    await note(record, { type: 'ApiKeyChanged', data: { keyId, scopes: ['analytics:read'] } });
    expect(await key(record)).toMatchObject({ scopes: ['analytics:read'] });
    for (const gone of ['models', 'expiresAt']) expect(await key(record)).not.toHaveProperty(gone);

    const graceEndsAt = epochMs(record.now + 60_000);
    const secrets = { secretHash: 'new' as never, fingerprint: 'efgh' as never, previousSecretHash: 'hash' as never };
    await note(record, { type: 'ApiKeyRotated', data: { keyId, ...secrets, graceEndsAt } });
    await note(record.later(5), { type: 'ApiKeyRevoked', data: { keyId, reason: 'leaked' } });

    expect(await key(record)).toMatchObject({
      status: 'revoked',
      revocationReason: 'leaked',
      revokedAt: record.now,
      rotations: 1,
      fingerprint: 'efgh',
      graceEndsAt,
    });
  });

  it('knows when a key was last used, refused or not, in whatever order it hears of it', async () => {
    const record = new Record();
    await record.perform(record.authorize());
    expect(await key(record)).toMatchObject({ lastUsedAt: record.now, projectId: projectIds[0] });
    await note(record, issued);
    const from = record.later(60_000).now;
    const refusal = { keyId, projectId: projectIds[0], model: models[0], code: 'rate_limit_exceeded' };
    await record.perform({ type: 'CountRefusals', ...refusal, count: 2, callIds: [], from });
    expect(await key(record)).toMatchObject({ lastUsedAt: from, name: 'CI' });
  });

  it('survives its stored form', async () => {
    const record = new Record();
    await note(record, issued);
    await record.perform(record.authorize());
    const found = await key(record);
    if (found === undefined) throw new Error('the key is there');
    const { columns, rest } = apiKeysTable.encode(found);
    const stored = { id: keyId, position: 1n, columns, rest: JSON.parse(JSON.stringify(rest)) };
    expect(apiKeysTable.decode(stored)).toEqual(found);
  });
});

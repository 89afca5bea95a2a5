import { join } from 'node:path';
import { type BootId, epochMs, type OrganizationId } from '#kernel';
import { goldenChecks } from '#testing/golden';
import { claimCodec, claimStream, SYSTEM_TOKENS } from './events';

const subject = 'org_01k00000000000000000000acm' as OrganizationId;
const bootId = 'boot_01k00000000000000000000001' as BootId;

describe('events of a claim', () => {
  const at = epochMs(1_767_225_600_000);
  const samples = {
    ClaimTaken: [
      { type: 'ClaimTaken', data: { subject, bootId, at } },
      { type: 'ClaimTaken', data: { subject: SYSTEM_TOKENS, bootId, at, about: 'tok_01k00000000000000000000001' } },
    ],
    ClaimReleased: [{ type: 'ClaimReleased', data: { subject, bootId } }],
  } as const;
  it.each(goldenChecks({ codec: claimCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) => run());
});

it('a claim has a stream of its own per subject', () => {
  expect([claimStream(subject), claimStream(SYSTEM_TOKENS)]).toEqual([`claim-${subject}`, 'claim-system-tokens']);
});

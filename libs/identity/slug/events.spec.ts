import { join } from 'node:path';
import type { OrganizationId } from '#kernel';
import { epochMs } from '#kernel';
import { goldenChecks } from '#testing/golden';
import { slugCodec } from './events';
import type { OrganizationSlug } from './slug';
import { parseSlugStream, slugStream } from './stream';

const slug = 'acme' as OrganizationSlug;

describe('events of a slug', () => {
  const samples = {
    SlugReserved: [
      {
        type: 'SlugReserved',
        data: {
          slug,
          orgId: 'org_01k00000000000000000000acm' as OrganizationId,
          reservedAt: epochMs(1_767_225_600_000),
        },
      },
    ],
  } as const;
  it.each(goldenChecks({ codec: slugCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) => run());
});

describe('the stream of a slug', () => {
  it('is composed and parsed in one place', () => {
    expect(slugStream(slug)).toBe('organizationSlug-acme');
    expect(parseSlugStream(slugStream(slug))).toBe(slug);
  });

  it.each(['organizationSlug-', 'organizationSlug-me', 'organization-acme', 'acme'])(
    'does not take "%s" for one',
    (name) => expect(parseSlugStream(name)).toBeUndefined(),
  );
});

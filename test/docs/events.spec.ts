import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#testing/platform-process';
import { readDocument } from './documents';
import { eventReference } from './event-reference';

const PATH = 'docs/events.md';

describe('the event reference', () => {
  it('says what the codecs say (if not: UPDATE_DOCS=1 npx jest test/docs/events.spec.ts)', () => {
    const reference = eventReference();
    if (process.env.UPDATE_DOCS === '1') writeFileSync(join(projectRoot(), PATH), reference);
    expect(readDocument(PATH).text).toBe(reference);
  });
});

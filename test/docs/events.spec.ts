import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StreamName } from '#kernel';
import { isKnownEvent } from '#projections/sources';
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

  it('tells of no event that the views would report as unknown', () => {
    const unknown = eventReference()
      .split(/^## /m)
      .slice(1)
      .flatMap((section) => {
        const stream = /^Stream: `([^`]+)`/m.exec(section)?.[1] ?? '';
        return [...section.matchAll(/^### (\S+)$/gm)].map(([, type = '']) => ({ stream: stream as StreamName, type }));
      })
      .filter((event) => !isKnownEvent(event));
    expect(unknown).toEqual([]);
  });
});

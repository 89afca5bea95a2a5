import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SETTINGS } from '#configuration';
import { DIALECTS } from '#gateway/dialects';
import { ERROR_CODES } from '#inference/openai';
import { createMetrics } from '#telemetry';
import { projectRoot } from '#testing/platform-process';
import { simulatorSettingsSchema } from '../../libs/inference/backends/simulator/settings';
import { allDocuments, namesUnder, readDocument, tableUnder } from './documents';

const DEVELOPERS = readDocument('docs/developers.md');
const OPERATIONS = readDocument('docs/operations.md');

/** Names of metrics that Node itself has; documents speak of them as a whole. */
const OF_NODE = /^(?:nodejs|process)_/;

describe('documents name exactly what there is', () => {
  it('endpoints that run models', () => {
    expect(namesUnder(DEVELOPERS, '## Endpoints')).toEqual(Object.keys(DIALECTS).map((path) => `/v1${path}`));
  });

  it('error codes, each with its status, type, whether to retry, and message', () => {
    expect(tableUnder(DEVELOPERS, '### Codes')).toEqual(
      Object.entries(ERROR_CODES).map(([code, { status, type, retryable, message }]) => [
        code,
        String(status),
        type,
        retryable ? 'yes' : 'no',
        message,
      ]),
    );
  });

  it('settings of the simulator', () => {
    expect(namesUnder(DEVELOPERS, '### Simulator settings')).toEqual(Object.keys(simulatorSettingsSchema.shape));
  });

  it('settings of the platform, with their defaults', () => {
    const documented = tableUnder(OPERATIONS, '## Settings').map(([name, fallback]) => [name, fallback]);
    expect(documented).toEqual(Object.entries(SETTINGS).map(([name, { fallback }]) => [name, fallback]));
  });

  it('metrics', async () => {
    const metrics = await createMetrics().registry.getMetricsAsJSON();
    const names = metrics.map(({ name }) => name).filter((name) => !OF_NODE.test(name));
    expect([...namesUnder(OPERATIONS, '## Metrics')].sort()).toEqual(names.sort());
  });

  it('decisions', () => {
    const files = readdirSync(join(projectRoot(), 'docs/adr')).filter((name) => /^\d{4}-/.test(name));
    const { text } = readDocument('docs/adr/README.md');
    expect([...text.matchAll(/\]\((\d{4}-[^)]+)\)/g)].map(([, file]) => file)).toEqual(files.sort());
  });
});

/** As GitHub makes them of headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

interface Link {
  readonly from: string;
  readonly target: string;
}

function linksOf({ path, text }: { readonly path: string; readonly text: string }): readonly Link[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({ from: path, target }));
  return links.filter(({ target }) => !/^https?:/.test(target));
}

function isBroken({ from, target }: Link): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : join(dirname(from), file);
  if (!existsSync(join(projectRoot(), path))) return true;
  return anchor !== undefined && !anchorsOf(readDocument(path).text).has(anchor);
}

it('links between documents lead somewhere', () => {
  expect(allDocuments().flatMap(linksOf).filter(isBroken)).toEqual([]);
});

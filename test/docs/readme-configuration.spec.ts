import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfigurationFile } from '#control';

/** The file of the README's way to a real provider is one that the platform takes. */

const README = readFileSync(join(__dirname, '../../README.md'), 'utf8');
const [, text = ''] = /```yaml\n(# aiaas\.yaml\n[\s\S]*?)```/.exec(README) ?? [];

it('is read with nothing but the credentials that it names', () => {
  const environment = { OPENAI_API_KEY: 'sk-one', ANTHROPIC_API_KEY: 'sk-two' };
  const { configuration, secrets } = readConfigurationFile('aiaas.yaml', text, environment);
  expect([...secrets.keys()]).toEqual(['OPENAI_API_KEY', 'ANTHROPIC_API_KEY']);
  expect(configuration.backends.map(({ kind }) => kind)).toEqual(['openai', 'anthropic']);
  expect(() => readConfigurationFile('aiaas.yaml', text, {})).toThrow('ANTHROPIC_API_KEY is not set');
});

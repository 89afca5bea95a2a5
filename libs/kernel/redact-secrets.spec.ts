import { foreignText } from './foreign-text';
import { parseModelId } from './model-id';
import { redactOwnSecrets, redactSecrets } from './redact-secrets';

const random = 'Zq3vT0aLk2JdM5sXc8RbN1wEyUhGfP4oI6CRC3';
const own = (kind: string) => `aiaas_${kind}_01k0000000000000000000000a_${random}`;

describe('secrets in a text', () => {
  it.each(['live', 'test', 'sys', 'pat'])('of the platform leave their kind: %s', (kind) => {
    const text = `GET /admin/v1/backends/${own(kind)}?x=1`;
    expect(redactOwnSecrets(text)).toBe(`GET /admin/v1/backends/aiaas_${kind}_[redacted]?x=1`);
    expect(redactSecrets(`${own(kind)} ${own(kind)}`)).not.toContain(random);
    expect(redactOwnSecrets(own(kind).toUpperCase())).not.toContain(random.toUpperCase());
  });

  it('are found when they were cut or mistyped', () => {
    expect(redactOwnSecrets(own('live').slice(0, -9))).toBe('aiaas_live_[redacted]');
    expect(redactOwnSecrets(`${own('live')}x`)).toBe('aiaas_live_[redacted]');
  });

  it.each([
    ['sk-proj-abcDEF0123456789abcDEF0123456789', 'sk-proj-[redacted]'],
    ['sk-ant-api03-abcDEF0123456789abcDEF0123456789', 'sk-ant-api03-[redacted]'],
    ['sk-abcDEF0123456789abcDEF', 'sk-[redacted]'],
    ['AIzaSyA0123456789abcdefghijklmnopqrstuvwx', 'AIza[redacted]'],
    ['gsk_0123456789abcdefghijABCDEFGHIJ', 'gsk_[redacted]'],
    ['ghp_0123456789abcdefghijABCDEFGHIJ', 'ghp_[redacted]'],
    ['AKIAIOSFODNN7EXAMPLE1', 'AKIA[redacted]'],
  ])('of other providers leave how they begin: %s', (key, left) => {
    expect(redactSecrets(`model ${key}.`)).toBe(`model ${left}.`);
  });

  it.each([
    'gpt-4o-mini',
    'acme/aiaas_live',
    'aiaas_live_',
    'sk-large',
    'task-list-of-2024-01-01-and-more',
    'key_01k0',
  ])('is what nobody takes for one: %s', (text) => {
    expect(redactSecrets(text)).toBe(text);
  });

  it('never get into the record as foreign text, nor become the id of a model', () => {
    expect(foreignText(own('live'))).toBe('aiaas_live_[redacted]');
    expect(foreignText(own('live'), 40)).toBe('aiaas_live_[redacted]…');
    expect(parseModelId(own('sys'))).toBeUndefined();
  });
});

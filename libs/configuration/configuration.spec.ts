import { ConfigurationError, helpText, readConfiguration } from './configuration';
import { SETTINGS } from './settings';

function problemsOf(environment: NodeJS.ProcessEnv): string {
  try {
    readConfiguration(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('the configuration', () => {
  it('needs nothing', () => {
    expect(readConfiguration({})).toMatchObject({
      mode: 'embedded',
      host: '127.0.0.1',
      port: 8080,
      dataDir: './data',
      demo: true,
    });
  });

  it('takes an empty variable for an absent one', () => {
    expect(readConfiguration({ AIAAS_PORT: '', AIAAS_DEMO: '' })).toMatchObject({ port: 8080, demo: true });
  });

  it('makes no demo where strangers can reach it, unless told to', () => {
    expect(readConfiguration({ AIAAS_HOST: '0.0.0.0' }).demo).toBe(false);
    expect(readConfiguration({ AIAAS_HOST: '0.0.0.0', AIAAS_DEMO: 'on' }).demo).toBe(true);
    expect(readConfiguration({ AIAAS_DEMO: 'off' }).demo).toBe(false);
  });

  it('reads lists', () => {
    const { trustedProxies, corsOrigins } = readConfiguration({
      AIAAS_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
      AIAAS_CORS_ORIGINS: 'https://app.example.com',
    });
    expect(trustedProxies).toEqual(['10.0.0.0/8', '::1']);
    expect(corsOrigins).toEqual(['https://app.example.com']);
  });

  it.each([
    [{ AIAAS_PORT: 'http' }, /AIAAS_PORT must be a whole number from 0 to 65535/],
    [{ AIAAS_PORT: '70000' }, /AIAAS_PORT must be a whole number/],
    [{ AIAAS_MODE: 'cloud' }, /AIAAS_MODE must be embedded/],
    [{ AIAAS_DEMO: 'yes' }, /AIAAS_DEMO must be on or off/],
    [{ AIAAS_TRUSTED_PROXIES: 'everyone' }, /AIAAS_TRUSTED_PROXIES must list addresses/],
    [{ AIAAS_CORS_ORIGINS: 'https://app.example.com/path' }, /AIAAS_CORS_ORIGINS must list origins/],
    [{ AIAAS_PROT: '8080' }, /AIAAS_PROT is no setting; see --help/],
    [{ AIAAS_MASTER_KEY: 'a', AIAAS_MASTER_KEY_FILE: 'b' }, /set one of them/],
  ])('refuses %j with a sentence', (environment, sentence) => expect(problemsOf(environment)).toMatch(sentence));

  it('names every wrong setting at once', () => {
    expect(problemsOf({ AIAAS_PORT: 'x', AIAAS_DEMO: 'y' }).split('\n')).toHaveLength(2);
  });

  it('lists every setting in its help', () => {
    for (const name of Object.keys(SETTINGS)) expect(helpText('aiaas')).toContain(name);
  });
});

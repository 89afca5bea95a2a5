import { ConfigurationError, helpText, readConfiguration, readConfigurationOf } from './configuration';
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

  it('has one port unless operations have theirs, which then serves the metrics alone', () => {
    expect(readConfiguration({})).not.toHaveProperty('operations');
    expect(readConfiguration({ AIAAS_OPERATIONS_PORT: '9090' }).operations).toEqual({
      host: '127.0.0.1',
      port: 9090,
      only: ['metrics'],
    });
    const { operations } = readConfiguration({
      AIAAS_OPERATIONS_PORT: '0',
      AIAAS_OPERATIONS_ONLY: 'health, documents',
    });
    expect(operations?.only).toEqual(['health', 'documents']);
  });

  it.each([
    [{ AIAAS_PORT: 'http' }, /AIAAS_PORT must be a whole number from 0 to 65535/],
    [{ AIAAS_PORT: '70000' }, /AIAAS_PORT must be a whole number/],
    [{ AIAAS_MODE: 'cloud' }, /AIAAS_MODE must be embedded \(.*\) or distributed/],
    [{ AIAAS_DEMO: 'yes' }, /AIAAS_DEMO must be on or off/],
    [{ AIAAS_TRUSTED_PROXIES: 'everyone' }, /AIAAS_TRUSTED_PROXIES must list addresses/],
    [{ AIAAS_CORS_ORIGINS: 'https://app.example.com/path' }, /AIAAS_CORS_ORIGINS must list origins/],
    [{ AIAAS_BACKEND_HOSTS: 'https://api.example.com' }, /AIAAS_BACKEND_HOSTS must list hosts/],
    [{ AIAAS_BACKEND_HOSTS: '10.0.0.0/33' }, /AIAAS_BACKEND_HOSTS must list hosts/],
    [{ AIAAS_OPERATIONS_PORT: '0', AIAAS_OPERATIONS_ONLY: 'metrics,logs' }, /ONLY must list some of: metrics, health/],
    [{ AIAAS_OPERATIONS_HOST: '0.0.0.0' }, /AIAAS_OPERATIONS_HOST has a meaning with AIAAS_OPERATIONS_PORT only/],
    [{ AIAAS_METRICS_TOKEN: 'short' }, /AIAAS_METRICS_TOKEN must be at least 16/],
    [{ AIAAS_PROT: '8080' }, /AIAAS_PROT is no setting; see --help/],
    [{ AIAAS_MASTER_KEY: 'a', AIAAS_MASTER_KEY_FILE: 'b' }, /set one of them/],
  ])('refuses %j with a sentence', (environment, sentence) => expect(problemsOf(environment)).toMatch(sentence));

  it('names every wrong setting at once', () => {
    expect(problemsOf({ AIAAS_PORT: 'x', AIAAS_DEMO: 'y' }).split('\n')).toHaveLength(2);
  });

  it('of a process that runs in one mode only says in one sentence what to start for the other', () => {
    expect(() => readConfigurationOf('embedded', { AIAAS_MODE: 'distributed', AIAAS_PORT: 'x' })).toThrow(
      /^AIAAS_MODE=distributed is for gateways: start one with npm run start:gateway[^\n]*$/,
    );
    expect(() => readConfigurationOf('distributed', {})).toThrow(/^A gateway runs with AIAAS_MODE=distributed only/);
    expect(readConfigurationOf('embedded', {}).mode).toBe('embedded');
  });

  describe('of a gateway among others', () => {
    const distributed = {
      AIAAS_MODE: 'distributed',
      AIAAS_EVENTSTOREDB_URL: 'esdb://gateway:geheim@store:2113',
      AIAAS_SHARED_DATA: '/srv/aiaas',
      AIAAS_MASTER_KEY_FILE: '/run/secrets/master-key',
    };
    /** The adapter's parser, in small. */
    const checks = {
      eventStoreDbUrl: (text: string) => {
        if (!text.startsWith('esdb://')) throw new Error('the connection string does not have the form esdb://host');
      },
    };

    it('names the store, the shared directory and where the others reach it', () => {
      expect(readConfiguration(distributed, checks)).toMatchObject({
        mode: 'distributed',
        eventStoreDbUrl: 'esdb://gateway:geheim@store:2113',
        sharedDataDir: '/srv/aiaas',
        peer: { host: '127.0.0.1', port: 0 },
        dataDir: './data',
      });
      const peer = { AIAAS_PEER_HOST: '0.0.0.0', AIAAS_PEER_PORT: '9000', AIAAS_PEER_URL: 'http://gateway-1:9000' };
      expect(readConfiguration({ ...distributed, ...peer }, checks)).toMatchObject({
        peer: { host: '0.0.0.0', port: 9000, url: 'http://gateway-1:9000' },
      });
    });

    it('needs what all gateways must have in common, and says so at once', () => {
      expect(problemsOf({ AIAAS_MODE: 'distributed' }).split('\n')).toEqual([
        expect.stringMatching(/^AIAAS_EVENTSTOREDB_URL must be set in distributed mode/),
        expect.stringMatching(/^AIAAS_SHARED_DATA must be set in distributed mode/),
        expect.stringMatching(/^AIAAS_MASTER_KEY or AIAAS_MASTER_KEY_FILE must be set/),
      ]);
    });

    it("passes on the adapter's sentence about a connection string, and never the string itself", () => {
      const environment = { ...distributed, AIAAS_EVENTSTOREDB_URL: 'http://gateway:geheim@store' };
      const read = () => readConfiguration(environment, checks);
      expect(read).toThrow(
        'AIAAS_EVENTSTOREDB_URL cannot be used: the connection string does not have the form esdb://host.',
      );
      expect(read).not.toThrow(/geheim/);
    });

    it.each(['0.0.0.0', '::'])('wants to know where it is reached when it listens for peers on %s', (host) => {
      expect(problemsOf({ ...distributed, AIAAS_PEER_HOST: host })).toMatch(/^AIAAS_PEER_URL must be set where/);
      const url = 'http://gateway-1:9000';
      expect(readConfiguration({ ...distributed, AIAAS_PEER_HOST: host, AIAAS_PEER_URL: url }, checks)).toMatchObject({
        peer: { host, url },
      });
    });

    it('refuses a peer url that is no origin', () => {
      expect(problemsOf({ ...distributed, AIAAS_PEER_URL: 'gateway-1:9000' })).toMatch(
        /AIAAS_PEER_URL must be an origin/,
      );
    });

    it.each(Object.keys(SETTINGS).filter((name) => /^AIAAS_(?:EVENTSTOREDB|SHARED|PEER)_/.test(name)))(
      '%s is refused where a process is alone',
      (name) => {
        expect(problemsOf({ [name]: '1' })).toContain(`${name} has a meaning in distributed mode only`);
      },
    );
  });

  it('lists every setting in its help', () => {
    for (const name of Object.keys(SETTINGS)) expect(helpText('aiaas')).toContain(name);
  });
});

import type { Server } from 'node:http';
import { AddressGuard } from './address-guard';
import { testBackend } from './contract';
import { startServer, stop, urlOf } from './http-double';
import { OpenAiBackendClient } from './openai';

/** OWASP API Security Top 10, 2023, item 7: server side request forgery. */
describe('API7: a backend leads to no address that belongs to a machine itself', () => {
  const open = new AddressGuard();

  it.each([
    'http://169.254.169.254/v1',
    'http://2852039166/v1',
    'http://0251.0376.0251.0376/v1',
    'http://0xA9FEA9FE/v1',
    'http://169.254.43518/v1',
    'http://169.254.169.254./v1',
    'http://[fe80::1]/v1',
    'http://[fd00:ec2::254]/v1',
    'http://[::ffff:169.254.169.254]/v1',
    'http://[::ffff:a9fe:a9fe]/v1',
    'http://[::169.254.169.254]/v1',
    'http://[64:ff9b::169.254.169.254]/v1',
    'http://[2002:a9fe:a9fe::]/v1',
    'http://[2002:a9fe:a9fe:1::7]/v1',
    'http://100.100.100.200/v1',
    'http://168.63.129.16/v1',
    'http://metadata.azure.internal/v1',
    'http://METADATA.google.internal./v1',
  ])('%s', (url) => expect(open.refusalOf(new URL(url))).toMatch(/AIAAS_BACKEND_HOSTS/));

  it.each(['http://127.0.0.1:8000/v1', 'http://10.0.0.7/v1', 'https://api.example.com/v1', 'http://[::1]/v1'])(
    'every other does: %s',
    (url) => expect(open.refusalOf(new URL(url))).toBeUndefined(),
  );

  it('but one that is listed, and where there is a list nothing else', () => {
    const guard = new AddressGuard(['169.254.10.0/24', 'api.example.com', '*.example.org', 'fe80::7']);
    const refused = (url: string) => guard.refusalOf(new URL(url)) !== undefined;
    expect(
      ['http://169.254.10.9/v1', 'https://API.example.com/v1', 'https://a.b.example.org', 'http://[fe80::7]'].filter(
        refused,
      ),
    ).toEqual([]);
    expect(
      [
        'http://169.254.11.9',
        'https://example.org',
        'https://badexample.org',
        'https://example.com',
        'http://10.0.0.1',
      ].every(refused),
    ).toBe(true);
    expect([guard.allows('169.254.10.9'), guard.allows('::ffff:169.254.11.9'), guard.allows('10.0.0.1')]).toEqual([
      true,
      false,
      true,
    ]);
  });

  describe('when it connects', () => {
    let server: Server;
    let redirects = 0;
    beforeAll(async () => {
      server = await startServer((response) => {
        redirects += 1;
        response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end();
      });
    });
    afterAll(() => stop(server));

    function openAt(baseUrl: string, guard: AddressGuard) {
      const client = new OpenAiBackendClient(() => Promise.reject(new Error('none')), undefined, guard);
      return client.open({
        backend: testBackend(baseUrl),
        operation: 'chat',
        body: { model: 'm' },
        signal: new AbortController().signal,
        whyNotStart: () => undefined,
      });
    }

    it('one on record from before is refused, and nothing was sent', async () => {
      expect(await openAt('http://169.254.169.254/v1', open)).toMatchObject({
        failure: { kind: 'connect-failed', reason: 'address-not-allowed' },
      });
    });

    it('what a name leads to by then counts', async () => {
      class Rebound extends AddressGuard {
        // As if the name led to the machine's own address by now.
        override allows(): boolean {
          return false;
        }
      }
      const named = urlOf(server).replace('127.0.0.1', 'localhost');
      expect(await openAt(named, new Rebound())).toMatchObject({
        failure: { kind: 'connect-failed', reason: 'ADDRESS_NOT_ALLOWED' },
      });
      expect(redirects).toBe(0);
    });

    it('a redirect is an answer, and followed nowhere', async () => {
      expect(await openAt(urlOf(server), open)).toMatchObject({ kind: 'status', status: 302 });
      expect(redirects).toBe(1);
    });
  });
});

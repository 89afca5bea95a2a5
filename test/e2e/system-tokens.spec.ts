import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { accessCodec } from '#control';
import { PlatformProcess } from '#testing/platform-process';

type Json = Readonly<Record<string, unknown>>;

/** The token of the first start is replaced by one that was never in a file, over HTTP, and across a crash. */
describe('replacing the system token', () => {
  let platform: PlatformProcess;
  let administrator: unknown;
  let administratorId: unknown;
  beforeAll(async () => {
    platform = await PlatformProcess.start();
  });
  afterAll(() => platform.remove());

  function send(token: unknown, method: string, path: string, body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' };
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    return fetch(`${platform.url}${path}`, { ...init, headers });
  }

  /** On the planes that take it. */
  async function statuses(token: unknown): Promise<readonly number[]> {
    const paths = ['/admin/v1/organizations', '/analytics/v1/views'];
    return Promise.all(paths.map(async (path) => (await send(token, 'GET', path)).status));
  }

  it('leaves a platform that only the newest secret administers', async () => {
    const { systemToken: first } = platform.firstRun;
    const tokens = '/admin/v1/system-tokens';
    const [one] = ((await (await send(first, 'GET', tokens)).json()) as { data: readonly Json[] }).data;
    const revoked = () => send(first, 'POST', `${tokens}/${String(one?.id)}/revoke`, { reason: 'It was in a file.' });
    expect((await revoked()).status).toBe(409);

    const issued = (await (await send(first, 'POST', tokens, { name: 'operations' })).json()) as Json;
    expect((await revoked()).status).toBe(200);
    expect(await statuses(first)).toEqual([401, 401]);
    expect(await statuses(issued.secret)).toEqual([200, 200]);

    const rotation = `${tokens}/${String(issued.id)}/rotate`;
    const rotated = (await (await send(issued.secret, 'POST', rotation, { graceSeconds: 0 })).json()) as Json;
    expect(await statuses(issued.secret)).toEqual([401, 401]);

    await platform.restart('SIGKILL');
    expect(await statuses(first)).toEqual([401, 401]);
    expect(await statuses(issued.secret)).toEqual([401, 401]);
    expect(await statuses(rotated.secret)).toEqual([200, 200]);
    for (const secret of [issued.secret, rotated.secret]) {
      expect(platform.output).not.toContain(secret);
      expect(await placesWith(String(secret))).toEqual([]);
    }
    expect(await placesWith(String(issued.id))).not.toEqual([]);
    administrator = rotated.secret;
    administratorId = issued.id;
  });

  it('leaves a trail of what it read and set going, and nobody a secret that was pasted in a wrong place', async () => {
    const [demo] = ((await (await send(administrator, 'GET', '/admin/v1/organizations')).json()) as { data: Json[] })
      .data;
    const usage = '/analytics/v1/organizations/:org/usage';
    const statusesOf = [
      await send(administrator, 'GET', usage.replace(':org', String(demo?.slug))),
      await send(administrator, 'POST', '/analytics/v1/views/usage/rebuild', {}),
      await send(administrator, 'POST', '/analytics/v1/views/nothing/rebuild', {}),
    ];
    expect(statusesOf.map(({ status }) => status)).toEqual([200, 202, 404]);

    const pasted = String(platform.firstRun.apiKey).replace(/.{8}$/, 'zzzzzzzz');
    const { url } = platform;
    const headers = {
      authorization: `Bearer ${platform.firstRun.apiKey}`,
      'content-type': 'application/json',
      'x-request-id': pasted,
    };
    const call = {
      method: 'POST',
      headers,
      body: JSON.stringify({ model: pasted, messages: [{ role: 'user', content: 'x' }] }),
    };
    for (const request of [
      fetch(`${url}/v1/chat/completions`, call),
      fetch(`${url}/v1/messages`, call),
      fetch(`${url}/v1/models/${pasted}`, { headers }),
      fetch(`${url}/v1/calls/${pasted}`, { headers }),
      fetch(`${url}/v1/${pasted}`, { headers }),
    ]) {
      const answer = await request;
      expect(answer.headers.get('x-client-request-id') ?? '').not.toContain(pasted);
      expect(await answer.text()).not.toContain(pasted);
    }

    // What a process still has to write down, it writes before it ends.
    await platform.restart('SIGTERM');
    const accesses = (await platform.allEvents()).flatMap((stored) => {
      const decoded = accessCodec.decode(stored);
      return decoded === undefined ? [] : decoded.event.data.accesses;
    });
    expect(accesses).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'read', route: `GET ${usage}`, orgId: demo?.id, tokenId: administratorId }),
        expect.objectContaining({ kind: 'operation', route: 'POST /analytics/v1/views/:view/rebuild' }),
        expect.objectContaining({
          kind: 'refused',
          route: 'POST /analytics/v1/views/:view/rebuild',
          code: 'not_found',
        }),
      ]),
    );
    expect(await placesWith(pasted)).toEqual([]);
    expect(platform.output).not.toContain(pasted);
  });

  /** Files, and events as any store gives them back: where the record is elsewhere, no file shows it. */
  async function placesWith(text: string): Promise<readonly string[]> {
    const names = readdirSync(platform.dataDir, { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => {
      const path = join(platform.dataDir, name);
      return statSync(path).isFile() && readFileSync(path).includes(text);
    });
    const events = (await platform.allEvents()).filter(({ body }) => Buffer.from(body).includes(text));
    return [...files, ...events.map(({ stream, type }) => `${type} in ${stream}`)];
  }
});

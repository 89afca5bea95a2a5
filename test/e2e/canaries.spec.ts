import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Tenant } from './support/tenant';
import { World } from './support/world';

/** Nothing else contains these: wherever they turn up, they were put. */
const CANARIES = {
  prompt: 'canary-prompt-7f3a9',
  endUser: 'canary.person@example.com',
  metadata: 'canary-metadata-51c2d',
  tool: 'canary-tool-8e0b4',
  strangeField: 'canary-field-99aa1',
  completion: 'canary-completion-c4d7e',
  backendCredential: 'sk-canary-backend-credential-2b6f',
  upstreamError: 'canary-upstream-error-d81e0',
  idempotencyKey: 'canary-idempotency-key-3c5e',
  wrongKey: `aiaas_live_canarywrongkey${'0'.repeat(40)}`,
  cookie: 'canary-cookie-aa77b',
  organizationHeader: 'canary-organization-header-0d4',
};

type Part = keyof typeof CANARIES;

/** Files that exist to hold secrets. */
const SECRET_FILES = [/(?:^|\/)first-run\.json$/, /^keys\//];

/** Secrets and people's words go through the platform; none of them stays in the record, the views, the logs or errors. */
describe('canaries in every input', () => {
  let world: World;
  let tenant: Tenant;
  const errorTexts: string[] = [];

  beforeAll(async () => {
    world = await World.open({ environment: { AIAAS_LOG_LEVEL: 'debug' } });
    tenant = await world.tenant();
    await sing();
  });
  afterAll(() => world.close());

  /** Puts every canary into every kind of call: answered, refused, broken, repeated. */
  async function sing(): Promise<void> {
    const { upstream } = world;
    const model = await world.model(
      {},
      {
        backend: { apiKey: CANARIES.backendCredential, allowFields: ['strange_field'] },
      },
    );
    const body = {
      messages: [{ role: 'user', content: CANARIES.prompt, name: 'x' }],
      user: CANARIES.endUser,
      metadata: { note: CANARIES.metadata },
      tools: [{ type: 'function', function: { name: 'f', description: CANARIES.tool } }],
      strange_field: CANARIES.strangeField,
    };
    const headers = {
      cookie: CANARIES.cookie,
      'openai-organization': CANARIES.organizationHeader,
      'idempotency-key': CANARIES.idempotencyKey,
    };
    // The backend repeats what it was told, in answers as well as in errors.
    const plans = [
      { text: `${CANARIES.completion} ` },
      { text: CANARIES.completion, ending: 'cut', endAfter: 1 },
      { text: CANARIES.completion, ending: 'error-frame', endAfter: 1, message: CANARIES.upstreamError },
      { status: 400, message: `${CANARIES.upstreamError}: ${CANARIES.prompt}` },
      { status: 401, message: `${CANARIES.upstreamError}: ${CANARIES.backendCredential}` },
      { status: 500, message: `${CANARIES.upstreamError}: ${CANARIES.prompt}` },
    ] as const;
    for (const stream of [false, true]) {
      for (const plan of plans) {
        upstream.script(plan);
        await tenant.chat(model, { ...body, stream });
      }
      upstream.script({ text: CANARIES.completion });
      const own = { ...headers, 'idempotency-key': `${CANARIES.idempotencyKey}-${stream}` };
      for (let i = 0; i < 2; i += 1) await tenant.chat(model, { ...body, stream }, own);
    }
    const refusals = [
      tenant.chat(model, { ...body, max_tokens: -1 }),
      tenant.chat(model, { ...body, Max_Tokens: CANARIES.prompt }),
      tenant.chat('no/such', body),
      tenant.chat(model, { ...body, stream_options: CANARIES.prompt }),
      tenant.post('/chat/completions', `{"messages": "${CANARIES.prompt}`),
      tenant.post('/nowhere', body),
      tenant.chat(model, body, { authorization: `Bearer ${CANARIES.wrongKey}` }),
      tenant.chat(model, body, { 'x-api-key': CANARIES.wrongKey }),
      tenant.post('/preflight', { endpoint: 'chat/completions', body }),
    ];
    for (const answer of await Promise.all(refusals)) errorTexts.push(answer.text);
    const { admin } = world.platform;
    const invalid = { name: 'x', kind: 'openai', baseUrl: 'not a url', apiKey: CANARIES.backendCredential };
    errorTexts.push(await (await admin.send('POST', '/backends', invalid)).text());
    errorTexts.push(await (await admin.send('POST', '/backends', { ...invalid, timeouts: 7 })).text());
    // What was only counted in memory is written down when the process ends.
    await world.platform.restart('SIGTERM');
    await tenant.chat(model, body);
    await world.platform.kill('SIGTERM');
    expect(upstream.callCount).toBe(2 * (plans.length + 1) + 1);
  }

  function files(): readonly string[] {
    return readdirSync(world.platform.dataDir, { recursive: true, encoding: 'utf8' }).filter(
      (name) =>
        statSync(join(world.platform.dataDir, name)).isFile() && !SECRET_FILES.some((pattern) => pattern.test(name)),
    );
  }

  /** A text as it may lie on disk: as it is, in base64 at any offset, or percent-encoded. */
  function disguises(text: string): readonly Buffer[] {
    const inBase64 = [0, 1, 2].map((offset) =>
      Buffer.from(`${'-'.repeat(offset)}${text}`)
        .toString('base64')
        // The first and last characters depend on what stands beside the text.
        .slice(offset === 0 ? 0 : 4, -4),
    );
    return [text, encodeURIComponent(text), ...inBase64].map((one) => Buffer.from(one));
  }

  /** Files, and events as any store gives them back: where the record is elsewhere, no file shows it. */
  async function holders(text: string): Promise<readonly string[]> {
    const wanted = disguises(text);
    const holds = (bytes: Buffer) => wanted.some((one) => bytes.includes(one));
    const inFiles = files().filter((name) => holds(readFileSync(join(world.platform.dataDir, name))));
    const events = await world.platform.allEvents();
    const inEvents = events.filter(({ body, stream }) => holds(Buffer.concat([body, Buffer.from(stream)])));
    return [...inFiles, ...inEvents.map(({ stream, type }) => `${type} in ${stream}`)];
  }

  it('the search finds what is there', async () => {
    expect(files().length).toBeGreaterThan(3);
    const found = await holders(tenant.orgId);
    expect(found).toContainEqual(expect.stringMatching(/ in ledger-/));
    expect(found).toContainEqual(expect.stringMatching(/views\.sqlite/));
  });

  it.each(Object.keys(CANARIES) as Part[])('%s lies in no file of the data directory and in no event', async (part) => {
    expect(await holders(CANARIES[part])).toEqual([]);
  });

  it('nor does the secret of a key or of a token', async () => {
    const { apiKey, systemToken } = world.platform.firstRun;
    for (const secret of [tenant.key.secret, apiKey, systemToken]) expect(await holders(secret)).toEqual([]);
  });

  it('no log line holds one', () => {
    const { output, firstRun } = world.platform;
    expect(output).toContain('"message":"call"');
    for (const canary of Object.values(CANARIES)) expect(output).not.toContain(canary);
    for (const secret of [tenant.key.secret, firstRun.apiKey, firstRun.systemToken])
      expect(output).not.toContain(secret);
  });

  it('no error holds one', () => {
    expect(errorTexts.length).toBeGreaterThan(5);
    for (const text of errorTexts)
      for (const canary of [...Object.values(CANARIES), tenant.key.secret]) expect(text).not.toContain(canary);
  });
});

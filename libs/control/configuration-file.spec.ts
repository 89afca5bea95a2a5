import { epochMs, formatInstant, type ModelId, usd } from '#kernel';
import { applyConfigurationFile, readConfigurationFile } from './configuration-file';
import { recordOf, startPlatform, type TestMachine, type TestPlatform, testMachine } from './testing';

const FILE = `
backends:
  - name: provider
    kind: openai
    baseUrl: https://api.example.com/v1
    apiKey: env:PROVIDER_KEY
    timeouts: {connectMs: 2000}
    streamUsage: yes
models:
  - id: maker/small
    kind: chat
    routes: [{backend: provider, upstreamModel: small-2}]
    contextTokens: 128000
    maxOutputTokens: 16384
    bounds: {textFactor: 3}
    prices: {input: 0.15, cachedInput: "0.075", output: "0.60"}
`;
/** Few lines that would become ten thousand values. */
const BOMB = `
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
backends: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
`;
const ENVIRONMENT = { PROVIDER_KEY: 'canary-credential' };
const read = (text: string, environment: Record<string, string> = ENVIRONMENT) =>
  readConfigurationFile('aiaas.yaml', text, environment);

const open: TestPlatform[] = [];
async function start(machine: TestMachine = testMachine()) {
  const platform = await startPlatform(machine);
  open.push(platform);
  return platform;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((platform) => platform.close()));
});

const small = 'maker/small' as ModelId;

describe('a configuration file', () => {
  it('declares backends, models and prices', async () => {
    const { control, clock } = await start();
    await applyConfigurationFile(control, read(FILE));
    const found = control.findCallableModel({ orgId: 'any' as never }, small, clock.now());
    if (!found.ok) throw new Error(found.code);
    const { model, prices } = found;
    expect(prices).toMatchObject({ version: 1, input: usd('0.15'), cachedInput: usd('0.075'), output: usd('0.6') });
    const backend = control.backend(model.routes[0]?.backendId ?? ('' as never));
    expect(backend).toMatchObject({ name: 'provider', timeouts: { connectMs: 2_000, idleMs: 120_000 } });
    expect(await control.credentialOf(backend ?? {})).toBe('canary-credential');
    expect(model.bounds.textFactor).toBe(3);
  });

  it('appends nothing at the next start', async () => {
    const machine = testMachine();
    await applyConfigurationFile((await start(machine)).control, read(FILE));
    const record = await recordOf(machine);
    machine.clock.advance(86_400_000);
    await applyConfigurationFile((await start(machine)).control, read(FILE));
    expect(await recordOf(machine)).toEqual(record);
  });

  it('starts again after the prices that it announced have begun and a command has set others', async () => {
    const machine = testMachine();
    const from = formatInstant(epochMs(machine.clock.now() + 1_000));
    const announcing = read(FILE.replace('prices: {', `prices: {effectiveFrom: "${from}", `));
    const first = await start(machine);
    await applyConfigurationFile(first.control, announcing);
    machine.clock.advance(2_000);
    const dearer = { input: usd('1'), output: usd('2') };
    const command = { type: 'SetPrices', at: machine.clock.now(), modelId: small, prices: dearer } as const;
    await first.control.catalogueCommands.change(first.control.systemContext('test'), command);
    const record = await recordOf(machine);
    const second = await start(machine);
    await applyConfigurationFile(second.control, announcing);
    expect(await recordOf(machine)).toEqual(record);
    const other = read(FILE.replace('prices: {input: 0.15', `prices: {effectiveFrom: "${from}", input: 0.16`));
    await expect(applyConfigurationFile(second.control, other)).rejects.toThrow('effectiveFrom has passed');
  });

  it('changes what it says otherwise, and nothing else', async () => {
    const machine = testMachine();
    const { control, clock } = await start(machine);
    await applyConfigurationFile(control, read(FILE));
    const before = (await recordOf(machine)).length;
    const changed = FILE.replace('0.15', '0.2').replace('textFactor: 3', 'textFactor: 1');
    await applyConfigurationFile(control, read(changed, { PROVIDER_KEY: 'another' }));
    expect((await recordOf(machine)).slice(before).map(({ type }) => type)).toEqual([
      'BackendChanged',
      'BoundsDeclared',
      'PricesSet',
    ]);
    expect(control.findCallableModel({ orgId: 'any' as never }, small, clock.now())).toMatchObject({
      prices: { version: 2 },
    });
  });

  it('does not lift the withdrawal of a bound', async () => {
    const { control } = await start();
    await applyConfigurationFile(control, read(FILE));
    const [route] = control.catalogue().models.get(small)?.routes ?? [];
    if (route === undefined) throw new Error('no route');
    const who = { organizationId: 'org_1' as never, keyId: 'key_1' as never };
    const found = { heldProvenBound: false, disprovesBound: true };
    const excess = {
      type: 'RecordExcess',
      modelId: small,
      callId: 'req_1' as never,
      ...route,
      ...who,
      ...found,
    } as const;
    await control.catalogueCommands.change(control.systemContext('test'), excess);
    await applyConfigurationFile(control, read(FILE));
    expect(control.catalogue().models.get(small)?.boundWithdrawn).toBe(true);
  });

  it.each([
    ['backends: [', 'aiaas.yaml: line 1, column 12: '],
    ['backends: {}', 'aiaas.yaml: backends: Invalid input: expected array'],
    ['backends: *nowhere', 'aiaas.yaml: Unresolved alias'],
    [BOMB, 'aiaas.yaml: Excessive alias count'],
    ['backend: []', 'aiaas.yaml: the file: Unrecognized key: "backend"'],
    [FILE.replace('env:PROVIDER_KEY', 'sk-plain'), 'aiaas.yaml: backends[0].apiKey: write a secret as env:NAME'],
    [FILE.replace('env:PROVIDER_KEY', 'env:OTHER'), 'backends[0].apiKey: the environment variable OTHER is not set'],
    [FILE.replace('"0.60"', '-1'), 'aiaas.yaml: models[0].prices.output: a price is USD per million tokens'],
    [FILE.replace('kind: chat', 'kind: video'), 'aiaas.yaml: models[0].kind: Invalid option'],
  ])('is refused as a whole, with the place: %#', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('is refused where a secret cannot be sent in a header', () => {
    expect(() => read(FILE, { PROVIDER_KEY: 'canary\n' })).toThrow(
      'aiaas.yaml: backends[0].apiKey: the environment variable PROVIDER_KEY cannot be used',
    );
    expect(() => read(FILE, { PROVIDER_KEY: 'canary\n' })).not.toThrow('canary');
  });

  it('shows no secret in its messages', () => {
    expect(() => read(FILE.replace('env:PROVIDER_KEY', 'sk-canary'))).not.toThrow('sk-canary');
  });

  it.each([
    [FILE.replace('backend: provider', 'backend: nobody'), 'models[0] (maker/small): routes[0]: there is no backend'],
    [FILE.replace('128000', '0'), 'aiaas.yaml: models[0] (maker/small): contextTokens is a whole number'],
    [FILE.replace('https://api', 'ftp://api'), 'aiaas.yaml: backends[0] (provider): baseUrl is an http or https URL'],
  ])('says which command was refused: %#', async (text, message) => {
    const { control } = await start();
    await expect(applyConfigurationFile(control, read(text))).rejects.toThrow(message);
  });

  it('keeps kinds', async () => {
    const { control } = await start();
    await applyConfigurationFile(control, read(FILE));
    await expect(
      applyConfigurationFile(control, read(FILE.replace('kind: openai', 'kind: anthropic'))),
    ).rejects.toThrow('it is of the kind openai');
  });
});

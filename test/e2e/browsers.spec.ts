import { chatBody, type Tenant } from './support/tenant';
import { World } from './support/world';

const APP = 'https://app.example';
const STRANGER = 'https://stranger.example';

/** What a page may read is decided by its browser, from these headers of every answer. */
describe('pages of an origin that the settings name', () => {
  let world: World;
  let tenant: Tenant;
  let model: string;

  beforeAll(async () => {
    world = await World.open({ environment: { AIAAS_CORS_ORIGINS: APP } });
    model = await world.model();
    tenant = await world.tenant();
  });
  afterAll(() => world.close());

  const allowedOf = ({ headers }: { headers: Headers }) => [
    headers.get('access-control-allow-origin'),
    headers.get('access-control-expose-headers'),
  ];

  it('may ask before they call', async () => {
    const answer = await fetch(`${world.platform.url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: {
        origin: APP,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe(APP);
    expect(answer.headers.get('access-control-allow-headers')).toContain('idempotency-key');
  });

  it.each([
    ['an answer', {}, 200],
    ['a stream', { stream: true }, 200],
    ['a refusal', { model: 'maker/unknown' }, 404],
  ])('may read %s, and all of its headers', async (_what, rest, status) => {
    const answer = await tenant.post('/chat/completions', { ...chatBody(model), ...rest }, { origin: APP });
    expect(answer.status).toBe(status);
    expect(allowedOf(answer)).toEqual([APP, '*']);
    expect(answer.headers.get('vary')).toContain('Origin');
  });

  it('may read what fails before there is a call', async () => {
    const answer = await tenant.post('/chat/completions', '{', { origin: APP });
    expect([answer.status, ...allowedOf(answer)]).toEqual([400, APP, '*']);
  });

  it('pages of other origins may read nothing', async () => {
    const answer = await tenant.post('/chat/completions', chatBody(model), { origin: STRANGER });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

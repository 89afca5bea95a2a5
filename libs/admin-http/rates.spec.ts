import { HandClock, testMachine } from '#control/testing';
import { RequestRates } from '#http-edge';
import { startServer } from './testing/test-server';

const ORGANIZATIONS = '/admin/v1/organizations';
const BURST = 20;

async function server() {
  const clock = new HandClock();
  const rates = new RequestRates({ refusedPerSecond: 2, freePerSecond: 2, clock });
  return { ...(await startServer(testMachine(), undefined, rates)), clock };
}

describe('requests of strangers', () => {
  it('are refused in short once there were many, and the administrator is not', async () => {
    const { send, close } = await server();
    const statuses: number[] = [];
    for (let i = 0; i <= BURST; i += 1)
      statuses.push((await send('GET', ORGANIZATIONS, undefined, { authorization: `Bearer ${i}` })).status);
    expect(statuses).toEqual([...Array.from({ length: BURST }, () => 401), 429]);
    const answer = await send('POST', ORGANIZATIONS, '{', { authorization: '' });
    expect([answer.status, answer.body.code, answer.headers['retry-after'], answer.headers.connection]).toEqual([
      429,
      'too_many_requests',
      '1',
      'close',
    ]);
    expect((await send('GET', ORGANIZATIONS)).status).toBe(200);
    await close();
  });
});

describe('a token', () => {
  it('whose requests are refused very often has to slow down', async () => {
    const { send, close } = await server();
    const statuses: number[] = [];
    for (let i = 0; i <= BURST; i += 1) statuses.push((await send('GET', `${ORGANIZATIONS}/nobody`)).status);
    expect(statuses).toEqual([...Array.from({ length: BURST }, () => 404), 429]);
    await close();
  });

  it('that repeats a command very often has to slow down, too', async () => {
    const { send, close } = await server();
    const keyed = { 'idempotency-key': 'one' };
    const make = (headers = {}) => send('POST', ORGANIZATIONS, { name: 'Acme', slug: 'acme' }, headers);
    const statuses: number[] = [];
    for (let i = 0; i <= BURST + 1; i += 1) statuses.push((await make(keyed)).status);
    expect(statuses).toEqual([...Array.from({ length: BURST + 1 }, () => 201), 429]);
    // One that is new is no repeat.
    expect((await make()).status).toBe(409);
    await close();
  });
});

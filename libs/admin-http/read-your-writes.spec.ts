import { TestGateways, testMachine } from '#control/testing';
import { serve } from './testing/test-server';

describe('the admin plane of one of several gateways', () => {
  it('catches up once before each request', async () => {
    const cluster = new TestGateways(testMachine());
    const gateway = await cluster.start();
    const server = await serve(gateway);
    expect((await server.send('GET', '/admin/v1/organizations')).status).toBe(200);
    expect(gateway.cluster.barriers).toBe(1);
    await server.close();
  });

  it('executes nothing while it may not know what the others have recorded', async () => {
    const cluster = new TestGateways(testMachine());
    const gateway = await cluster.start();
    const server = await serve(gateway);
    const before = await gateway.store.lastPosition();
    gateway.cluster.barrierEnds = async () => false;
    const answer = await server.send('POST', '/admin/v1/organizations', { name: 'Acme', slug: 'acme' });
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'record_unavailable' },
      headers: { 'retry-after': '1' },
    });
    expect(await gateway.store.lastPosition()).toBe(before);
    await server.close();
  });
});

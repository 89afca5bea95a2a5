import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { QueryRefusedError, type ReadSideClient } from '#read-side';
import { AnalyticsGuard } from './analytics.guard';
import type { AnalyticsHttpOptions } from './options';
import { ViewsController } from './views.controller';

type Watermark = ReadSideClient['watermark'];

/** What the operator is answered, who has passed the guard with the system token. */
async function status(watermark: Watermark) {
  const progress = [{ views: ['usage'], status: 'folding', position: 5n, target: 9n }];
  const options = {
    control: { catchUpFor: () => true, authenticateToken: () => ({ type: 'system' }) },
    readSide: { watermark, progress: () => progress },
  } as unknown as AnalyticsHttpOptions;
  const request = { raw: {}, headers: { authorization: 'Bearer token' }, ip: '127.0.0.1' } as unknown as FastifyRequest;
  const context = { switchToHttp: () => ({ getRequest: () => request }) } as unknown as ExecutionContext;
  await new AnalyticsGuard(options).canActivate(context);
  return new ViewsController(options).status(request);
}

describe('the state of the views', () => {
  const rebuilds = [{ views: ['usage'], status: 'folding', position: '5', target: '9' }];

  it('tells how a first build gets on, while there is nothing to read yet', async () => {
    const building: Watermark = () => Promise.reject(new QueryRefusedError('view_building', 'being built'));
    expect(await status(building)).toEqual({ watermark: null, rebuilds });
  });

  it('says how far the views reach', async () => {
    const reached = { position: 4n, at: null } as unknown as Awaited<ReturnType<Watermark>>;
    expect(await status(() => Promise.resolve(reached))).toEqual({ watermark: { position: '4', at: null }, rebuilds });
  });

  it('hides no other failure', async () => {
    const busy: Watermark = () => Promise.reject(new QueryRefusedError('queries_too_many', 'busy'));
    await expect(status(busy)).rejects.toMatchObject({ code: 'queries_too_many' });
  });
});

import type { FastifyRequest } from 'fastify';
import { RequestRates } from '#http-edge';
import { QueryRefusedError, type ReadSideClient } from '#read-side';
import { AnalyticsDoor } from './analytics.guard';
import type { AnalyticsHttpOptions } from './options';
import { ViewsController } from './views.controller';

type Watermark = ReadSideClient['watermark'];

/** What an operator asks, who has passed the guard with the system token. */
async function asOperator<T>(
  readSide: Partial<ReadSideClient>,
  ask: (views: ViewsController, request: FastifyRequest) => Promise<T>,
): Promise<T> {
  const options = {
    control: {
      catchUpFor: () => true,
      authenticateToken: () => ({ type: 'system', tokenId: 'tok_1' }),
      authentication: { isAccepted: () => true },
    },
    rates: new RequestRates({ refusedPerSecond: 1, freePerSecond: 1, clock: { monotonicMs: () => 0 } }),
    readSide,
  } as unknown as AnalyticsHttpOptions;
  const raw = { rawHeaders: ['Authorization', 'Bearer token'] };
  const request = { raw, headers: {}, ip: '127.0.0.1' } as unknown as FastifyRequest;
  await new AnalyticsDoor(options).admit(request);
  return ask(new ViewsController(options), request);
}

function status(watermark: Watermark) {
  const progress = [{ views: ['usage'], status: 'folding', position: 5n, target: 9n }];
  const readSide = { watermark, progress: () => progress } as unknown as ReadSideClient;
  return asOperator(readSide, (views, request) => views.status(request));
}

const busy = () => Promise.reject(new QueryRefusedError('queries_too_many', 'busy'));
const BUSY = { status: 503, code: 'queries_too_many', headers: { 'retry-after': '1' } };

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

  it('hides no other failure, and says which will pass', async () => {
    await expect(status(busy)).rejects.toMatchObject(BUSY);
    const broken = new Error('broken');
    await expect(status(() => Promise.reject(broken))).rejects.toBe(broken);
  });
});

describe('events that a view could not take in', () => {
  it('come in pages like every other list', async () => {
    const asked: unknown[] = [];
    const query = async (...question: unknown[]) => {
      asked.push(question);
      return { problems: [{ position: 7n }], total: 3, next: 'cursor', watermark: { position: 9n } };
    };
    const page = await asOperator({ query } as unknown as ReadSideClient, (views, request) =>
      views.problems(request, { limit: '1', after: 'before' }),
    );
    expect(asked).toEqual([['problems', { limit: 1, after: 'before' }]]);
    expect(page).toEqual({ data: [{ position: '7' }], total: 3, next: 'cursor', watermark: { position: '9' } });
  });

  it('are refused as every other question is', async () => {
    const ask = (refusal: QueryRefusedError) =>
      asOperator({ query: () => Promise.reject(refusal) }, (views, request) => views.problems(request, {}));
    await expect(ask(new QueryRefusedError('view_building', 'being built'))).rejects.toMatchObject({ status: 503 });
    await expect(ask(new QueryRefusedError('cursor_invalid', 'no cursor'))).rejects.toMatchObject({ status: 422 });
  });
});

describe('a rebuild', () => {
  it('that cannot be taken on now may be asked for again', async () => {
    await expect(
      asOperator({ rebuild: busy }, (views, request) => views.rebuild(request, 'usage')),
    ).rejects.toMatchObject(BUSY);
  });
});

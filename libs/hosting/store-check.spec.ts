import { StoreUnavailableError } from '#event-store';
import { checkStore } from './store-check';

describe('the health of the record', () => {
  it('is well when it answers', async () => {
    expect(await checkStore({ lastPosition: async () => 7n })).toEqual({ status: 'pass' });
  });

  it('says why it is not', async () => {
    const lastPosition = () => Promise.reject(new StoreUnavailableError('the event store is closed'));
    expect(await checkStore({ lastPosition })).toEqual({
      status: 'fail',
      message: 'StoreUnavailableError: the event store is closed',
    });
  });

  it('does not wait for a store that has fallen silent', async () => {
    const lastPosition = () => new Promise<bigint>(() => undefined);
    expect(await checkStore({ lastPosition }, 5)).toEqual({
      status: 'fail',
      message: 'it has not answered within 5 ms',
    });
  });
});

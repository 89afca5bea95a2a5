import type { UpstreamTrouble } from '#inference/backends';
import { describeTrouble } from './trouble';

/** Views split calls by what went wrong, so the words for it are codes: few, short, and free of foreign text. */
describe('what went wrong, for the record', () => {
  const status = (code?: string): UpstreamTrouble => ({
    kind: 'status',
    status: 500,
    error: { message: 'Your prompt "secret" failed.', ...(code === undefined ? {} : { code }) },
  });

  it.each<[UpstreamTrouble, string]>([
    [status(), 'status-500'],
    [status('server_error'), 'status-500:server_error'],
    [status('Ünfit for a code'), 'status-500:-nfit-for-a-code'],
    [{ kind: 'backend-error', error: { type: 'overloaded_error' } }, 'backend-error:overloaded_error'],
    [{ kind: 'garbage', reason: 'invalid-json' }, 'garbage:invalid-json'],
    [{ kind: 'connect-failed', reason: 'connect timeout' }, 'connect-failed:connect-timeout'],
    [{ kind: 'idle-timeout' }, 'idle-timeout'],
  ])('%j is %s', (trouble, described) => {
    expect(describeTrouble(trouble)).toBe(described);
  });

  it('is never long', () => {
    expect(describeTrouble(status('x'.repeat(1_000)))).toHaveLength(64);
  });
});

import { canonicalTarget } from './request-target';

describe('a request target', () => {
  it.each([
    ['/v1/models', '/v1/models'],
    ['/v1/usage?from=2026-01-01&x=a%2Fb', '/v1/usage?from=2026-01-01&x=a%2Fb'],
    ['/v1/%6dodels', '/v1/models'],
    ['/%76%31/models', '/v1/models'],
    ['//v1/models', '/v1/models'],
    ['/v1//models', '/v1/models'],
    ['///v1///models//', '/v1/models/'],
    ['/docs/../v1/models', '/v1/models'],
    ['/docs/%2e%2E/v1/models', '/v1/models'],
    ['/v1/./models', '/v1/models'],
    ['/../../v1/models', '/v1/models'],
    ['/v1/models/..', '/v1/'],
    ['/v1/models/.', '/v1/models/'],
    ['http://x/v1/models', '/v1/models'],
    ['HTTPS://user@x:80/v1/models?a=b', '/v1/models?a=b'],
    ['http://x', '/'],
    ['http://x?a=b', '/?a=b'],
    ['http://x//admin/v1', '/admin/v1'],
    ['/v1#/../admin', '/v1'],
    ['/v1/models#x?y', '/v1/models'],
    ['*', '*'],
    ['', ''],
  ])('%s is the same as %s, which stays as it is', (target, canonical) => {
    expect(canonicalTarget(target)).toBe(canonical);
    expect(canonicalTarget(canonical)).toBe(canonical);
  });

  it.each([
    ['a slash within a name', '/v1/models/maker%2fmodel', '/v1/models/maker%2Fmodel'],
    ['dots within a name', '/v1/models/maker%2F..%2Fmodel', '/v1/models/maker%2F..%2Fmodel'],
    ['a percent sign', '/v1/models/%2525', '/v1/models/%2525'],
    ['what cannot be decoded', '/v1/models/%zz', '/v1/models/%zz'],
    ['a query, to the letter', '/v1/usage?x=%41//../b', '/v1/usage?x=%41//../b'],
    ['names that begin with a dot', '/.well-known/x', '/.well-known/x'],
  ])('keeps %s', (_, target, canonical) => {
    expect(canonicalTarget(target)).toBe(canonical);
  });
});

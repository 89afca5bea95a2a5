import { presentedCredential } from './credentials';

const presented = (...rawHeaders: string[]) => presentedCredential({ rawHeaders: ['Host', 'x', ...rawHeaders] });

describe('the credential of a request', () => {
  it.each([
    [['Authorization', 'Bearer abc'], 'authorization'],
    [['authorization', 'bearer   abc '], 'authorization'],
    [['X-API-Key', ' abc'], 'x-api-key'],
    [['X-API-Key', 'abc', 'Authorization', ''], 'x-api-key'],
    [['Authorization', 'Bearer abc', 'x-api-key', 'abc'], 'authorization'],
    [['Authorization', 'Bearer abc', 'AUTHORIZATION', 'Bearer abc'], 'authorization'],
  ])('%j', (rawHeaders, header) => {
    expect(presented(...rawHeaders)).toEqual({ kind: 'secret', secret: 'abc', header });
  });

  it.each([
    [['Authorization', 'Bearer abc', 'Authorization', 'Bearer def']],
    [['X-API-Key', 'abc', 'x-api-key', 'def']],
    [['Authorization', 'Bearer abc', 'X-API-Key', 'def']],
    [['Authorization', 'Basic abc', 'X-API-Key', 'abc']],
    [['Authorization', 'Bearer abc', 'Authorization', 'Basic abc']],
  ])('two that differ are none: %j', (rawHeaders) => {
    expect(presented(...rawHeaders)).toEqual({ kind: 'conflicting' });
  });

  it.each([
    [['Authorization', 'Basic abc']],
    [['Authorization', 'Bearer abc, Bearer def']],
    [['Authorization', 'abc']],
  ])('of another scheme is no bearer: %j', (rawHeaders) => {
    expect(presented(...rawHeaders)).toEqual({ kind: 'malformed' });
  });

  it('may be absent', () => {
    expect(presented()).toEqual({ kind: 'none' });
    expect(presented('Authorization', '', 'X-API-Key', ' ')).toEqual({ kind: 'none' });
  });
});

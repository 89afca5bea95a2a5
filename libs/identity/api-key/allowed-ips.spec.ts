import { ALLOWED_IPS_MAX, isAllowed, parseAllowedIps, parseCidr } from './allowed-ips';

describe('a range of addresses', () => {
  it.each([
    ['203.0.113.0/24', '203.0.113.0/24'],
    ['203.0.113.7', '203.0.113.7/32'],
    [' 203.0.113.7 ', '203.0.113.7/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['::1', '::1/128'],
  ])('"%s" is taken as %s', (text, cidr) => expect(parseCidr(text)).toBe(cidr));

  it.each([
    ['', 'is empty'],
    ['203.0.113.0/33', 'has too long a prefix'],
    ['2001:db8::/129', 'has too long a prefix'],
    ['203.0.113.0/-1', 'has a negative prefix'],
    ['203.0.113.0/08', 'has a prefix that some read as octal'],
    ['203.0.113.0/', 'lacks its prefix'],
    ['203.0.113/24', 'lacks a number'],
    ['203.0.113.010', 'has a number that some read as octal'],
    ['203.0.113.0/24/8', 'has two prefixes'],
    ['fe80::1%eth0', 'names a zone'],
    ['::ffff:203.0.113.0/120', 'is IPv4 in the clothes of IPv6'],
    ['example.com', 'is a name'],
  ])('"%s" is none: it %s', (text) => expect(parseCidr(text)).toBeUndefined());

  it('lists are sorted, without repetitions, neither empty nor endless', () => {
    expect(parseAllowedIps(['203.0.113.7/32', '::1', '203.0.113.7'])).toEqual(['203.0.113.7/32', '::1/128']);
    expect(parseAllowedIps([])).toBeUndefined();
    expect(parseAllowedIps(['::1', 'nonsense'])).toBeUndefined();
    expect(parseAllowedIps(Array.from({ length: ALLOWED_IPS_MAX + 1 }, (_, i) => `10.0.0.${i}`))).toBeUndefined();
  });
});

describe('whether an address is allowed', () => {
  const cidrs = parseAllowedIps(['203.0.113.128/25', '2001:db8::/32', '198.51.100.7', '10.1.2.3/8']);

  it.each([
    ['203.0.113.128', true],
    ['203.0.113.255', true],
    ['203.0.113.127', false],
    ['198.51.100.7', true],
    ['198.51.100.8', false],
    ['10.200.0.1', true],
    ['2001:db8::1', true],
    ['2001:0DB8:0:0::1', true],
    ['2001:db9::1', false],
    ['2001:db8::1%eth0', true],
    ['::ffff:203.0.113.200', true],
    ['::FFFF:203.0.113.1', false],
    ['::203.0.113.200', false],
    ['', false],
    ['unknown', false],
    ['203.0.113.200, 198.51.100.7', false],
  ])('%s: %s', (ip, allowed) => expect(isAllowed(ip, cidrs)).toBe(allowed));

  it('every address is, where there is no list', () => expect(isAllowed('192.0.2.1', undefined)).toBe(true));

  it('a range of all IPv4 allows no IPv6, and the other way round', () => {
    expect(isAllowed('2001:db8::1', parseAllowedIps(['0.0.0.0/0']))).toBe(false);
    expect(isAllowed('192.0.2.1', parseAllowedIps(['::/0']))).toBe(false);
  });
});

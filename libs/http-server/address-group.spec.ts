import { addressGroup, addressMatcher } from './address-group';

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, ''],
])('connections of %s are counted for %s', (address, group) => expect(addressGroup(address)).toBe(group));

it('addresses are found in ranges of both families', () => {
  const matches = addressMatcher(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
  const inside = ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', '2001:db8:5::1'];
  const outside = ['11.0.0.1', '192.0.2.8', '2001:db9::1', undefined, 'nonsense'];
  expect([inside.map(matches), outside.map(matches)]).toEqual([inside.map(() => true), outside.map(() => false)]);
});

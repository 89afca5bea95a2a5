import { lookup as lookUp } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';

/**
 * Where machines keep what is theirs alone: link-local addresses (RFC 3927, RFC 4291 §2.5.6), on which the large clouds
 * hand out credentials, the other addresses on which some of them do, and all of these inside of IPv6 ones. IPv4-mapped
 * addresses are checked as the IPv4 address that they hold.
 */
function privateToMachines(): BlockList {
  const list = new BlockList();
  list.addSubnet('169.254.0.0', 16, 'ipv4');
  list.addAddress('100.100.100.200', 'ipv4');
  list.addAddress('192.0.0.192', 'ipv4');
  list.addAddress('168.63.129.16', 'ipv4');
  list.addSubnet('fe80::', 10, 'ipv6');
  list.addAddress('fd00:ec2::254', 'ipv6');
  list.addAddress('fd20:ce::254', 'ipv6');
  for (const prefix of ['::', '64:ff9b::']) list.addSubnet(`${prefix}a9fe:0`, 112, 'ipv6');
  // 6to4 (RFC 3056), which leads to the IPv4 address in its second and third group.
  list.addSubnet('2002:a9fe::', 32, 'ipv6');
  return list;
}

const PRIVATE_TO_MACHINES = privateToMachines();
const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'instance-data',
]);

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

/** A host of a URL, without the brackets of IPv6 and the dot that may end a name. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

class AddressNotAllowedError extends Error {
  readonly code = 'ADDRESS_NOT_ALLOWED';
}

/**
 * Which addresses backends may have. Without a list every one but those that belong to machines themselves; with one
 * only what it names: hosts (`api.example.com`), all below one (`*.example.com`), addresses and ranges. A name is not
 * enough for an address that belongs to a machine: that has to be listed itself.
 */
export class AddressGuard {
  readonly #names = new Set<string>();
  readonly #suffixes: string[] = [];
  readonly #addresses = new BlockList();
  readonly #isOpen: boolean;

  constructor(allowed: readonly string[] = []) {
    this.#isOpen = allowed.length === 0;
    for (const entry of allowed.map((one) => one.toLowerCase())) {
      const [address = '', bits] = entry.split('/');
      if (isIP(address) !== 0 && bits !== undefined)
        this.#addresses.addSubnet(address, Number(bits), familyOf(address));
      else if (isIP(address) !== 0) this.#addresses.addAddress(address, familyOf(address));
      else if (entry.startsWith('*.')) this.#suffixes.push(entry.slice(1));
      else this.#names.add(entry);
    }
  }

  /** Why a backend may not have this URL, as far as the URL itself tells; what its name resolves to is checked later. */
  refusalOf(url: URL): string | undefined {
    const host = hostOf(url).toLowerCase();
    const isAddress = isIP(host) !== 0;
    const isListed = isAddress ? this.#isListed(host) : this.#names.has(host) || this.#isBelow(host);
    if (isListed) return undefined;
    if (isAddress ? !this.allows(host) : METADATA_NAMES.has(host))
      return 'baseUrl leads to link-local or metadata addresses, which belong to a machine itself: name another, or list it in AIAAS_BACKEND_HOSTS.';
    return this.#isOpen ? undefined : `baseUrl leads to ${host}, which AIAAS_BACKEND_HOSTS does not list.`;
  }

  /** Whether a connection may be made to what a name has resolved to. */
  allows(address: string): boolean {
    const [plain = ''] = address.split('%');
    return !PRIVATE_TO_MACHINES.check(plain, familyOf(plain)) || this.#isListed(plain);
  }

  /**
   * Looks names up as ever, and refuses what they must not lead to: right before each connection, so that no name gets
   * through that leads elsewhere by then.
   */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname, options, (error, address, family) => {
      const found = Array.isArray(address) ? address.map((one) => one.address) : [address];
      if (error !== null || found.every((one) => this.allows(one))) callback(error, address, family);
      else callback(new AddressNotAllowedError(`${hostname} leads to an address that is not allowed`), '', 4);
    });
  };

  #isListed(address: string): boolean {
    return this.#addresses.check(address, familyOf(address));
  }

  #isBelow(host: string): boolean {
    return this.#suffixes.some((suffix) => host.endsWith(suffix));
  }
}

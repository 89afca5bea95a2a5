import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidConnectionStringError, parseConnectionString } from './connection-settings';
import { EventStoreDbEventStore } from './eventstoredb-event-store';

describe('A connection string', () => {
  it('names one node, which is asked for nothing but itself', () => {
    expect(parseConnectionString('esdb://db.internal:2114?tls=false')).toEqual({
      endpoints: [{ address: 'db.internal', port: 2114 }],
      discovery: 'none',
      keepAliveIntervalMs: 10_000,
      keepAliveTimeoutMs: 5_000,
      discoverAttemptsMax: 10,
      discoveryIntervalMs: 100,
      gossipTimeoutS: 5,
    });
  });

  it('names several nodes, any of which knows the leader', () => {
    const settings = parseConnectionString('esdb://admin:changeit@n1,n2:2115,[::1]:2116');
    expect(settings).toMatchObject({
      discovery: 'gossip',
      endpoints: [
        { address: 'n1', port: 2113 },
        { address: 'n2', port: 2115 },
        { address: '[::1]', port: 2116 },
      ],
      tls: {},
    });
  });

  it('names nodes behind a DNS name', () => {
    expect(parseConnectionString('esdb+discover://admin:changeit@cluster.internal').discovery).toBe('dns');
  });

  it('carries user and password, percent-encoded', () => {
    const { credentials } = parseConnectionString('esdb://gate%40way:p%3Aass%25@db');
    expect(credentials).toEqual({ username: 'gate@way', password: 'p:ass%' });
  });

  it('takes options whatever their case', () => {
    const settings = parseConnectionString(
      'esdb://a:b@db/?TLSCAFILE=%2Fetc%2Fca.pem&keepAliveTimeout=3000&connectionName=gateway-1&NodePreference=leader',
    );
    expect(settings).toMatchObject({
      tls: { caFile: '/etc/ca.pem' },
      keepAliveTimeoutMs: 3_000,
      connectionName: 'gateway-1',
    });
  });

  it.each([
    { text: '', says: 'the form esdb://' },
    { text: 'http://db:2113', says: 'the form esdb://' },
    { text: 'esdb://?tls=false', says: 'no host' },
    { text: 'esdb://db:port?tls=false', says: '"db:port"' },
    { text: 'esdb://db:70000?tls=false', says: '"db:70000"' },
    { text: 'esdb://db', says: 'has no user' },
    { text: 'esdb://admin@db', says: 'user:password' },
    { text: 'esdb://admin:50%@db', says: '%25' },
    { text: 'esdb+discover://a:b@n1,n2', says: 'one DNS name' },
    { text: 'esdb://db?tls=maybe', says: 'tls must be true or false' },
    { text: 'esdb://db?tls', says: 'option=value' },
    { text: 'esdb://db?tls=false&tls=true', says: 'twice' },
    { text: 'esdb://db?tls=false&tlsCaFile=ca.pem', says: 'contradict' },
    { text: 'esdb://db?tls=false&keepAliveInterval=5', says: 'keepAliveInterval must be a whole number from 10000' },
    { text: 'esdb://db?tls=false&retries=3', says: 'no option retries; known are tls' },
    { text: 'esdb://a:b@db?tlsVerifyCert=false', says: 'use tlsCaFile' },
    { text: 'esdb://a:b@db?nodePreference=follower', says: 'only be leader' },
    { text: 'esdb://a:b@db?throwOnAppendFailure=false', says: 'swallowed conflict' },
    { text: 'esdb://a:b@db?connectionName=%', says: 'connectionname is not percent-encoded' },
  ])('$text is refused, and told why', ({ text, says }) => {
    expect(() => parseConnectionString(text)).toThrow(InvalidConnectionStringError);
    expect(() => parseConnectionString(text)).toThrow(says);
  });

  it.each(['esdb://root:s3cret@db:x', 'esdb://root:s3cret@db?tls=7', 'esdb://root:s3cret%@db', 'es:root:s3cret@db'])(
    'never shows the password of %s in its message',
    (text) => {
      let message = '';
      try {
        parseConnectionString(text);
      } catch (error) {
        message = String(error);
      }
      expect(message).toContain('InvalidConnectionStringError');
      expect(message).not.toContain('s3cret');
    },
  );
});

describe("The authority's certificate", () => {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'));

  it.each([
    { what: 'is missing', file: join(directory, 'missing.pem'), says: 'cannot be read' },
    { what: 'is something else', file: join(directory, 'other.pem'), says: 'holds no PEM certificate' },
  ])('that $what is noticed when the store is opened', ({ file, says }) => {
    writeFileSync(join(directory, 'other.pem'), 'not a certificate');
    const settings = parseConnectionString(`esdb://a:b@db?tlsCaFile=${encodeURIComponent(file)}`);
    expect(() => new EventStoreDbEventStore(settings)).toThrow(InvalidConnectionStringError);
    expect(() => new EventStoreDbEventStore(settings)).toThrow(says);
  });
});

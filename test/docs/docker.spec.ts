import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { readConfiguration, SETTINGS } from '#configuration';
import { parseConnectionString } from '#event-store/eventstoredb';
import { projectRoot } from '#testing/platform-process';
import {
  environmentOf,
  instructionsOf,
  mergeCompose,
  readCompose,
  readProjectFile,
  readStages,
  type Service,
} from './docker-files';

const DOCKERFILE = 'docker/Dockerfile';
const single = readCompose('docker/compose.yml');
const cluster = mergeCompose(single, readCompose('docker/compose.cluster.yml'));
const stages = readStages(DOCKERFILE);

const files = [
  ['compose.yml', single],
  ['compose.yml with compose.cluster.yml', cluster],
] as const;
const services = files.flatMap(([file, { services }]) =>
  Object.entries(services).map(([name, service]) => [file, name, service] as const),
);
const isRecord = ({ image }: Service) => image?.startsWith('eventstore/') === true;
const isGateway = ({ environment }: Service) => environment?.AIAAS_PEER_URL !== undefined;

/** A version, not a name that moves. */
const PINNED = /^[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*$/;

function seconds(duration: string | undefined): number {
  return Number(/^(\d+)s$/.exec(duration ?? '')?.[1] ?? Number.NaN);
}

describe.each(services)('in %s, %s', (_file, _name, service) => {
  it('runs a pinned image, or one that is built here', () => {
    if (service.build === undefined) expect(service.image).toMatch(PINNED);
    else {
      const { context, dockerfile, target } = service.build;
      expect([context, dockerfile]).toEqual(['..', DOCKERFILE]);
      expect(stages.map(({ name }) => name)).toContain(target);
    }
  });

  it('is nobody in its container, and cannot become somebody', () => {
    expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service.privileged).toBeUndefined();
  });

  it('has bounds, and comes up again', () => {
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
    expect(service.pids_limit).toBeGreaterThan(0);
    expect(service.restart).toBe('unless-stopped');
    expect(seconds(service.stop_grace_period)).toBeGreaterThan(0);
  });

  it('is reachable from this machine only, if at all', () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });
});

describe.each(files)('%s', (_file, { services, networks, volumes, secrets }) => {
  it('declares every volume, network and secret that a service uses', () => {
    for (const service of Object.values(services)) {
      const mounts = (service.volumes ?? []).map((volume) => volume.split(':')[0]);
      expect(Object.keys(volumes ?? {})).toEqual(expect.arrayContaining(mounts));
      expect(Object.keys(networks ?? {})).toEqual(expect.arrayContaining([...(service.networks ?? [])]));
      expect(Object.keys(secrets ?? {})).toEqual(expect.arrayContaining([...(service.secrets ?? [])]));
    }
  });

  it('waits only for what there is, and for health only where something is asked', () => {
    for (const service of Object.values(services))
      for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(Object.keys(services)).toContain(name);
        expect(condition).toBe(services[name]?.healthcheck?.test === undefined ? 'service_started' : 'service_healthy');
      }
  });

  it('keeps the record, which has no lock on its door, on a network of its own', () => {
    for (const record of Object.values(services).filter(isRecord)) {
      expect(record.environment).toMatchObject({ EVENTSTORE_INSECURE: 'true', EVENTSTORE_TELEMETRY_OPTOUT: 'true' });
      expect(record.ports).toBeUndefined();
      expect(record.networks?.map((name) => networks?.[name]?.internal)).toEqual([true]);
    }
  });

  it('gives all gateways that share a directory the process ids of one container, since LMDB tells them apart by these', () => {
    const sharing = Object.values(services).filter(({ volumes }) => volumes?.some((one) => one.startsWith('shared:')));
    expect(sharing.length).toBeGreaterThan(1);
    const [pid = ''] = sharing.map((service) => service.pid);
    expect(pid).toMatch(/^service:/);
    expect(Object.keys(services)).toContain(pid.slice('service:'.length));
    expect(new Set(sharing.map((service) => service.pid)).size).toBe(1);
  });

  it('configures gateways that would start: every setting is known, and each has directories of its own', () => {
    const gateways = Object.entries(services).filter(([, service]) => isGateway(service));
    expect(gateways.map(([name]) => name)).toEqual(['gateway-1', 'gateway-2']);
    const own = gateways.map(([, service]) => service.volumes?.find((volume) => volume.endsWith(':/var/lib/aiaas')));
    expect(new Set(own).size).toBe(gateways.length);
    for (const [name, service] of gateways) {
      const image = environmentOf(instructionsOf(stages, service.build?.target ?? ''));
      const environment: NodeJS.ProcessEnv = { ...image, ...service.environment };
      const unknown = Object.keys(environment).filter((one) => one.startsWith('AIAAS_') && !(one in SETTINGS));
      expect(unknown).toEqual([]);
      expect(readConfiguration(environment)).toMatchObject({ mode: 'distributed', host: '0.0.0.0', demo: false });
      expect(environment.AIAAS_PEER_URL).toBe(`http://${name}:${environment.AIAAS_PEER_PORT}`);
      expect(service.volumes).toContain(`shared:${environment.AIAAS_SHARED_DATA}`);
      expect(seconds(service.stop_grace_period)).toBeGreaterThan(Number(environment.AIAAS_DRAIN_SECONDS) + 5);
      expect(service.secrets?.map((secret) => `/run/secrets/${secret}`)).toEqual([environment.AIAAS_MASTER_KEY_FILE]);
      const { endpoints } = parseConnectionString(environment.AIAAS_EVENTSTOREDB_URL ?? '');
      const records = Object.keys(services).filter((one) => isRecord(services[one] ?? {}));
      expect(endpoints.map(({ address }) => address)).toEqual(records);
    }
  });
});

it('a node of the cluster is what the single node is, but for what makes it one of three', () => {
  const [one, ...others] = Object.values(cluster.services).filter(isRecord);
  expect(others).toHaveLength(2);
  const settingsOfAll = ({ environment = {} }: Service) =>
    Object.fromEntries(Object.entries(environment).filter(([name]) => !/ADVERTISE_AS|GOSSIP_SEED/.test(name)));
  const rest = ({ environment: _, volumes: __, depends_on: ___, ...service }: Service) => service;
  for (const other of others) {
    expect(settingsOfAll(other)).toEqual(settingsOfAll(one ?? {}));
    expect(rest(other)).toEqual(rest(one ?? {}));
  }
  expect(settingsOfAll(single.services['record-1'] ?? {})).toEqual(
    Object.fromEntries(
      Object.entries(settingsOfAll(one ?? {})).filter(([name]) => !/CLUSTER_SIZE|DISCOVER_VIA_DNS/.test(name)),
    ),
  );
});

it('secrets lie where git does not look', () => {
  for (const { file } of Object.values(single.secrets ?? {})) expect(file).toMatch(/^\.\/secrets\//);
  expect(readProjectFile('docker/secrets/.gitignore').split('\n')).toContain('*');
});

function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve) => {
    const child = execFile(command, [...args], { env: { PATH: process.env.PATH, ...environment } });
    child.once('close', (code) => resolve(code ?? -1));
  });
}

/** As the server writes it, with its line breaks. */
const INFO = (state: string) => JSON.stringify({ esVersion: '23.10.6.0', state, features: {} }, undefined, 2);
const GOSSIP = (members: readonly (readonly [state: string, isAlive: boolean])[]) =>
  JSON.stringify(
    { members: members.map(([state, isAlive]) => ({ instanceId: 'x', state, isAlive, httpEndPointIp: 'record' })) },
    undefined,
    2,
  ).replaceAll('\n', '\r\n');

describe('the health check of the record', () => {
  /** The command itself, with what the server would have answered instead of the asking. */
  function check({ healthcheck }: Service | { healthcheck?: Service['healthcheck'] }, answer: string): Promise<number> {
    const [form, command = ''] = healthcheck?.test ?? [];
    expect(form).toBe('CMD-SHELL');
    const asked = command.replace(
      /curl -fsS --max-time 3 http:\/\/127\.0\.0\.1:2113\/(info|gossip)/,
      'printenv ANSWER',
    );
    expect(asked).not.toBe(command);
    return run('sh', ['-c', asked], { ANSWER: answer });
  }

  it('waits until a single node leads', async () => {
    const node = single.services['record-1'] ?? {};
    expect(await check(node, INFO('leader'))).toBe(0);
    for (const state of ['initializing', 'preLeader', 'follower']) expect(await check(node, INFO(state))).not.toBe(0);
    expect(await check(node, '')).not.toBe(0);
  });

  it('waits until a cluster has a leader that is alive', async () => {
    const node = cluster.services['record-2'] ?? {};
    expect(
      await check(
        node,
        GOSSIP([
          ['Follower', true],
          ['Leader', true],
          ['Follower', false],
        ]),
      ),
    ).toBe(0);
    expect(
      await check(
        node,
        GOSSIP([
          ['Follower', true],
          ['Leader', false],
          ['Follower', true],
        ]),
      ),
    ).not.toBe(0);
    expect(await check(node, GOSSIP([['Unknown', true]]))).not.toBe(0);
  });
});

describe('the images', () => {
  it.each(['platform', 'gateway'])('of the %s start it directly, as nobody, and end by SIGTERM', (target) => {
    const instructions = instructionsOf(stages, target);
    const last = (keyword: string) => instructions.findLast((one) => one.keyword === keyword)?.text;
    expect(existsSync(join(projectRoot(), `apps/${target}/main.ts`))).toBe(true);
    expect(JSON.parse(last('CMD') ?? '')).toEqual(['node', `dist/apps/${target}/main.js`]);
    expect(last('USER')).toBe('node');
    expect(last('STOPSIGNAL')).toBe('SIGTERM');
    expect(
      Object.keys(environmentOf(instructions)).filter((name) => name.startsWith('AIAAS_') && !(name in SETTINGS)),
    ).toEqual([]);
  });

  it('come from pinned ones, or from each other', () => {
    const names = stages.map(({ name }) => name);
    for (const { from } of stages) if (!names.includes(from)) expect(from).toMatch(PINNED);
  });

  it('copy what exists and is not ignored, and run scripts that exist', () => {
    const ignored = readProjectFile('.dockerignore').split('\n');
    const { scripts } = JSON.parse(readProjectFile('package.json'));
    for (const { keyword, text } of stages.flatMap(({ instructions }) => instructions)) {
      for (const [, script = ''] of keyword === 'RUN' ? text.matchAll(/npm run (\S+)/g) : [])
        expect(Object.keys(scripts)).toContain(script);
      if (keyword !== 'COPY' || text.startsWith('--from=')) continue;
      for (const path of text.split(' ').slice(0, -1)) {
        expect(existsSync(join(projectRoot(), path))).toBe(true);
        expect(ignored).toContain(`!${path}`);
      }
    }
  });

  it('hold everything that is compiled for production', () => {
    const copied = stages.flatMap(({ instructions }) => instructions).filter(({ keyword }) => keyword === 'COPY');
    const folders = readdirSync(projectRoot(), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && ['apps', 'libs', 'projections'].includes(entry.name))
      .map(({ name }) => `${name} ${name}`);
    expect(copied.map(({ text }) => text)).toEqual(expect.arrayContaining(folders));
  });

  it('are asked whether they are ready by a command that works', async () => {
    const check = stages.flatMap(({ instructions }) => instructions).find(({ keyword }) => keyword === 'HEALTHCHECK');
    const [command, ...args] = JSON.parse(check?.text.replace(/^.* CMD /, '') ?? '[]') as string[];
    expect(command).toBe('node');
    const server = createServer((request, answer) => {
      answer.statusCode = request.url === '/health/ready' ? status : 404;
      answer.end();
    });
    let status = 200;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = String(typeof address === 'object' ? address?.port : '');
    expect(await run('node', args, { AIAAS_PORT: port })).toBe(0);
    status = 503;
    expect(await run('node', args, { AIAAS_PORT: port })).toBe(1);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    expect(await run('node', args, { AIAAS_PORT: port })).toBe(1);
  });
});

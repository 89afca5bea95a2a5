/** The walls of the house; see docs/architecture.md. CI fails on a cycle or a crossed wall. */
const contexts = 'identity|ledger|inference|transparency';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nobody-imports-apps', severity: 'error', from: { path: '^(libs|projections)/' }, to: { path: '^apps/' } },
    {
      name: 'apps-do-not-import-each-other',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'only-apps-host',
      comment: 'Composition is at the top: whatever it puts together knows nothing of it.',
      severity: 'error',
      from: { path: '^(libs|projections|bench)/', pathNot: '^libs/hosting/' },
      to: { path: '^libs/hosting/' },
    },
    {
      name: 'hosting-takes-its-engines-as-they-come',
      comment: 'So that a process loads only the engines of its own mode.',
      severity: 'error',
      from: { path: '^libs/hosting/[^/]+$' },
      to: { path: '^libs/hosting/(embedded|distributed)/|^libs/event-store/eventstoredb/' },
    },
    {
      name: 'kernel-imports-nothing',
      comment: 'Only zod, which describes the stored shape of events.',
      severity: 'error',
      from: { path: '^libs/kernel/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^libs/kernel/|^node_modules/zod/' },
    },
    {
      name: 'contexts-import-kernel-and-ports',
      severity: 'error',
      from: { path: `^libs/(${contexts})/`, pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^(libs|projections)/',
        pathNot:
          '^libs/($1|kernel)/|^libs/(event-store|event-feed|read-store|key-store|answer-store)/(index|port)\\.ts$',
      },
    },
    {
      name: 'adapters-import-their-own-port',
      severity: 'error',
      from: { path: '^libs/(event-store|event-feed|read-store|key-store|answer-store)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(libs|projections)/', pathNot: '^libs/($1|kernel|testing)/|^libs/event-store/(index|port)\\.ts$' },
    },
    {
      name: 'the-store-copy-knows-ports-only',
      comment: 'It copies between any two stores, and its comparison is only worth something if it knows neither.',
      severity: 'error',
      from: { path: '^libs/store-copy/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^(libs|projections)/|^node_modules/',
        pathNot: '^libs/(store-copy|kernel)/|^libs/event-store/(index|port)\\.ts$|^node_modules/@types/node/',
      },
    },
    {
      name: 'the-cluster-knows-ports-only',
      comment: 'It says who lives and carries commands; what a command means is the business of the ledger.',
      severity: 'error',
      from: { path: '^libs/cluster/', pathNot: '\\.spec\\.ts$|/(spec-kit|arbitraries)\\.ts$' },
      to: {
        path: '^(libs|projections)/|^node_modules/',
        pathNot:
          '^libs/(cluster|kernel)/|^libs/(event-store|http-server|ledger)/index\\.ts$|^node_modules/(undici|zod|@types/node)/',
      },
    },
    {
      name: 'membership-and-peers-do-not-know-each-other',
      severity: 'error',
      from: { path: '^libs/cluster/(membership|peers)/' },
      to: { path: '^libs/cluster/', pathNot: '^libs/cluster/$1/' },
    },
    {
      name: 'http-servers-know-no-plane',
      severity: 'error',
      from: { path: '^libs/http-server/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(libs|projections)/', pathNot: '^libs/http-server/' },
    },
    {
      name: 'projections-read-events-never-deciders',
      severity: 'error',
      from: { path: '^projections/' },
      to: { path: '^libs/.*(decide|decider|writer|service)', pathNot: '^libs/kernel/' },
    },
    {
      name: 'only-the-lmdb-adapters-know-lmdb',
      severity: 'error',
      from: { pathNot: '^libs/[^/]+/lmdb/' },
      to: { path: '^node_modules/lmdb/' },
    },
    {
      name: 'only-the-sqlite-adapter-knows-libsql',
      severity: 'error',
      from: { pathNot: '^libs/read-store/sqlite/' },
      to: { path: '^node_modules/libsql/' },
    },
    {
      name: 'only-the-eventstoredb-adapter-knows-its-client',
      severity: 'error',
      from: { pathNot: '^libs/(event-store/eventstoredb|testing)/' },
      to: { path: '^node_modules/@eventstore/' },
    },
    {
      name: 'only-the-kafka-adapter-knows-kafkajs',
      severity: 'error',
      from: { pathNot: '^libs/event-feed/kafka/' },
      to: { path: '^node_modules/kafkajs/' },
    },
    {
      name: 'only-the-mongodb-adapter-knows-mongoose',
      severity: 'error',
      from: { pathNot: '^libs/read-store/mongodb/' },
      to: { path: '^node_modules/mongoose/' },
    },
    {
      name: 'the-domain-knows-no-framework',
      severity: 'error',
      from: { path: `^libs/(kernel|${contexts})/` },
      to: { path: '^node_modules/(@nestjs|fastify|class-validator)/' },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no-orphan', severity: 'error', from: { orphan: true, pathNot: '\\.spec\\.ts$|main\\.ts$' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['aiaas-source', 'import', 'require', 'node', 'default', 'types'] },
  },
};

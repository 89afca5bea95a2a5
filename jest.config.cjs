const { existsSync, readFileSync, readdirSync } = require('node:fs');

/** Packages that are published as ES modules only: Jest runs CommonJS, so swc turns these too. */
function esmPackagePaths() {
  const lock = JSON.parse(readFileSync(`${__dirname}/package-lock.json`, 'utf8'));
  return Object.keys(lock.packages)
    .filter((path) => path.startsWith('node_modules/'))
    .filter((path) => {
      try {
        return JSON.parse(readFileSync(`${__dirname}/${path}/package.json`, 'utf8')).type === 'module';
      } catch {
        return false; // An optional package for another platform is in the lock file but not on this disk.
      }
    });
}

const escaped = esmPackagePaths().map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));

/** @type {import('jest').Config} */
module.exports = {
  rootDir: __dirname,
  testEnvironment: 'node',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/projections', '<rootDir>/test'].filter((root) =>
    existsSync(root.replace('<rootDir>', __dirname)),
  ),
  testMatch: ['**/*.spec.ts'],
  // What is about several gateways is part of the distributed run alone.
  testPathIgnorePatterns: [
    '/node_modules/',
    ...(process.env.AIAAS_TEST_MODE === 'distributed' ? [] : ['<rootDir>/test/e2e-distributed/']),
  ],
  // Only our own libs: some packages use `#` imports of their own.
  moduleNameMapper: {
    '^#projections/(.*)$': '<rootDir>/projections/$1/index.ts',
    [`^#((?:${readdirSync(`${__dirname}/libs`).join('|')})(?:/.*)?)$`]: '<rootDir>/libs/$1/index.ts',
  },
  transform: {
    '^.+\\.(t|j|mj)s$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'commonjs' },
      },
    ],
  },
  transformIgnorePatterns: [
    `<rootDir>/node_modules/(?!(?:${escaped.map((p) => p.replace('node_modules/', '')).join('|')})/)`,
  ],
  // One more than the processors of a small machine: the end-to-end suites wait for other processes most of their time.
  maxWorkers: 3,
  // Only a test that hangs may fail by its time: a busy machine makes any of them many times slower.
  testTimeout: 60_000,
};

import tseslint from 'typescript-eslint';

/** Biome formats and does the fast lint; ESLint adds the rules that need types, and keeps the domain pure. */
export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'coverage/**', '**/*.cjs', '**/*.mjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { attributes: false, arguments: false } },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/await-thenable': 'error',
    },
  },
  {
    files: ['libs/kernel/**/*.ts', 'libs/ledger/**/*.ts', 'libs/identity/**/*.ts', 'projections/**/evolve.ts'],
    ignores: ['**/*.spec.ts', 'libs/kernel/time.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'Randomness comes in.' }],
      'no-restricted-globals': ['error', { name: 'Date', message: 'Time comes in; format with #kernel.' }],
    },
  },
  {
    files: ['apps/**/*.ts', 'libs/**/*.ts', 'projections/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/contract.ts', '**/*.contract.ts'],
    rules: { 'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }] },
  },
);

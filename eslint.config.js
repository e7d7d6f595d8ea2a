import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * Which rooms of agent/src a room may import from: `cli -> web, alerts, metrics -> model <- kernel -> enrich, abi, native`.
 * `native` is native/lib, `names` is abi/layout.ts (names and sizes that are generated from the object, no code), `*` is
 * every room.
 */
const mayImport = {
  abi: [],
  model: ['names'],
  bugreport: ['model'],
  config: ['model', 'alerts'],
  doctor: ['kernel', 'model'],
  inspect: ['alerts', 'model', 'names'],
  kernel: ['abi', 'native', 'model', 'enrich'],
  enrich: ['model', 'names'],
  metrics: ['model', 'names', 'alerts'],
  alerts: ['model', 'names'],
  service: ['native', 'model', 'names'],
  top: ['model', 'names'],
  web: ['metrics', 'alerts', 'model', 'names', 'config'],
  cli: ['*'],
};
/** Rooms of plain data and arithmetic: of packages and of Node only what neither does nor keeps anything. */
const pure = ['abi', 'model'];

const rooms = Object.keys(mayImport);
const folders = readdirSync(fileURLToPath(new URL('agent/src', import.meta.url)), { withFileTypes: true });
for (const folder of folders) {
  if (folder.isDirectory() && !rooms.includes(folder.name)) {
    throw new Error(`agent/src/${folder.name}: say in eslint.config.js which rooms it may import from`);
  }
}

/** The rule for one room: it names what is forbidden, so that folders inside a room are free. */
function importsOf(room) {
  const allowed = mayImport[room];
  const forbidden = [...rooms, 'native'].filter((other) => other !== room && !allowed.includes(other));
  const patterns = [];
  if (!allowed.includes('*')) {
    const targets = forbidden.map((other) =>
      other === 'abi' && allowed.includes('names') ? String.raw`abi/(?!layout\.ts$)` : `${other}/`,
    );
    patterns.push({
      regex: String.raw`^(?:\.\./)+(?:src/)?(?:${targets.join('|')})`,
      message: `${room} may import from: ${allowed.join(', ') || 'no other room'} (eslint.config.js).`,
    });
  }
  if (pure.includes(room)) {
    patterns.push(
      { regex: '^(?!\\.|node:(?:crypto|os)$)', message: `${room} is pure: no packages, nothing that does or keeps.` },
      { regex: '^node:os$', allowImportNames: ['constants'], message: `${room} is pure: constants only.` },
    );
  }
  return {
    files: [`agent/src/${room}/**/*.ts`],
    rules: patterns.length === 0 ? {} : { 'no-restricted-imports': ['error', { patterns }] },
  };
}

export default defineConfig(
  globalIgnores(['build/', '**/node_modules/']),
  {
    files: ['**/*.ts'],
    extends: [eslint.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // Numbers and booleans print as one expects.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `() => server.close()` is how one says it.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  // What these print is their result.
  { files: ['scripts/**', 'bench/**', '**/test/**/children/**'], rules: { 'no-console': 'off' } },
  { files: ['*.js'], extends: [eslint.configs.recommended], languageOptions: { globals: { URL: 'readonly' } } },
  rooms.map(importsOf),
);

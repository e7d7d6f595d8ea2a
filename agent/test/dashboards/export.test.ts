/** `spillway dashboards export`, and that the bundle has all of it. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { boardFiles } from '../../../dashboards/boards/index.ts';
import { RULE_FILES } from '../../../dashboards/rules/index.ts';
import { ROOT, run, SPILLWAY, temporaryDirectory } from '../live/support/run.ts';

const BOARDS = [...boardFiles().keys()];
const exported = (directory: string, ...flags: string[]) =>
  run([SPILLWAY, 'dashboards', 'export', '--directory', directory, ...flags]);
const shipped = (name: string) =>
  readFileSync(join(ROOT, 'dashboards', name.endsWith('.json') ? 'grafana' : 'rules', name), 'utf8');

test('boards and rules are written, as they are in dashboards/, and named on stdout', async () => {
  const directory = join(temporaryDirectory(), 'a', 'b');
  const { code, stdout, stderr } = await exported(directory);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const names = [...BOARDS, ...RULE_FILES];
  expect(stdout).toBe(names.map((name) => `${join(directory, name)}\n`).join(''));
  expect(readdirSync(directory).sort()).toEqual([...names].sort());
  for (const name of names) expect(readFileSync(join(directory, name), 'utf8')).toBe(shipped(name));
});

test('all rules that are shipped are exported', () => {
  const files = readdirSync(join(ROOT, 'dashboards/rules')).filter((name) => /(?<!\.test)\.yaml$/.test(name));
  expect([...RULE_FILES].sort()).toEqual(files.sort());
});

test.for([
  ['--grafana', BOARDS],
  ['--rules', RULE_FILES],
] as const)('%s writes nothing else', async ([flag, names]) => {
  const directory = temporaryDirectory();
  expect(await exported(directory, flag)).toMatchObject({ code: 0 });
  expect(readdirSync(directory).sort()).toEqual([...names].sort());
});

test('a file that is already there is replaced with --force only, and until then nothing is written', async () => {
  const directory = temporaryDirectory();
  const last = join(directory, 'spillway-alerts-optional.yaml');
  writeFileSync(last, 'mine');
  const { code, stdout, stderr } = await exported(directory);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(`write ${last}: it is already there (EEXIST); `);
  expect(stderr).toContain('--force');
  expect(readFileSync(last, 'utf8')).toBe('mine');
  expect(readdirSync(directory)).toEqual(['spillway-alerts-optional.yaml']);

  expect(await exported(directory, '--force')).toMatchObject({ code: 0 });
  expect(readFileSync(last, 'utf8')).toBe(shipped('spillway-alerts-optional.yaml'));
});

test('what cannot be written is told with its errno', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const inFile = await exported(join(file, 'below'));
  expect(inFile).toMatchObject({ code: 1, stdout: '' });
  expect(inFile.stderr).toMatch(/make .*\/file\/below: ENOTDIR; name another with --directory/);
  mkdirSync(join(directory, BOARDS[0] ?? ''));
  const overDirectory = await exported(directory, '--force');
  expect(overDirectory.code).toBe(1);
  expect(overDirectory.stderr).toContain('EISDIR');
  expect(statSync(file).size).toBe(0);
});

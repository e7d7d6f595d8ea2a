/** What people type is completed, in the real shells. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPLETIONS } from '../../src/cli/completion.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { treeOf } from '../../src/cli/reference/tree.ts';

const TYPE = fileURLToPath(new URL('shells/type.py', import.meta.url));

let directory = '';
const script = (shell: string) => join(directory, `completion.${shell}`);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'spillway-'));
  const tree = treeOf(makeProgram());
  for (const [shell, text] of Object.entries(COMPLETIONS)) writeFileSync(script(shell), text(tree));
  for (const name of ['wanted file.yaml', 'unrelated.txt']) writeFileSync(join(directory, name), '');
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** The arguments that `spillway` is run with after these keys and Enter. */
const typed = (shell: 'bash' | 'zsh', keys: string): string[] =>
  lines(execFileSync('python3', [TYPE, shell, script(shell), keys], { cwd: directory, encoding: 'utf8' }));

/** What fish offers behind this text, without the descriptions. */
function offered(text: string): string[] {
  const fish = `source $argv[1]; complete -C $argv[2]`;
  // its home is its own
  const env = { ...process.env, HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory };
  const output = execFileSync('fish', ['--no-config', '-c', fish, script('fish'), text], {
    cwd: directory,
    encoding: 'utf8',
    env,
  });
  // versions differ in whether they escape blanks here
  return lines(output).map((line) => line.replace(/\t.*/, '').replaceAll('\\ ', ' '));
}

describe.each(['bash', 'zsh'] as const)('%s completes', (shell) => {
  it.each([
    ['a command', 'spillway insp\t', ['inspect']],
    ['a command below a command', 'spillway alerts li\t', ['alerts', 'list']],
    ['an option', 'spillway stat --lat\t', ['stat', '--latency']],
    ['the choices of an option', 'spillway snapshot -o prom\t', ['snapshot', '-o', 'prometheus']],
    ['them behind the long name', 'spillway procs --sort fall\t', ['procs', '--sort', 'fallbacks']],
    ['them behind =', 'spillway procs --sort=fall\t', ['procs', '--sort=fallbacks']],
    ['the choices of an argument', 'spillway completion fi\t', ['completion', 'fish']],
    ['a file behind an option', 'spillway run --config wan\t', ['run', '--config', 'wanted file.yaml']],
    ['a file as argument', 'spillway check wan\t', ['check', 'wanted file.yaml']],
    ['a command behind other options', 'spillway procs --limit 3 --fal\t', ['procs', '--limit', '3', '--fallen']],
    ['a command to help with', 'spillway help snap\t', ['help', 'snapshot']],
    ['a program to run', 'spillway stat -- mknod\t', ['stat', '--', 'mknod']],
    ['no file where none is wanted', 'spillway doctor wan\t', ['doctor', 'wan']],
    ['no option behind --', 'spillway stat -- cp --lat\t', ['stat', '--', 'cp', '--lat']],
  ])('%s', (_, keys, expected) => {
    expect(typed(shell, keys)).toEqual(expected);
  });
});

it('bash knows all commands, options and choices of a place', () => {
  const all = '\u001b*';
  expect(typed('bash', `spillway alerts ${all}`)).toEqual(['alerts', 'help', 'list', 'test']);
  expect(typed('bash', `spillway check --${all}`)).toEqual(['check', '--attach', '--help', '--output']);
  expect(typed('bash', `spillway snapshot -o ${all}`)).toEqual([
    'snapshot',
    '-o',
    'json',
    'ndjson',
    'prometheus',
    'table',
  ]);
});

it('zsh completes when it finds the script in $fpath too', () => {
  const file = join(directory, '_spillway');
  writeFileSync(file, COMPLETIONS.zsh(treeOf(makeProgram())));
  const load = `fpath=(${directory} $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[spillway]`;
  expect(execFileSync('zsh', ['-f', '-c', load], { encoding: 'utf8' })).toBe('_spillway\n');
});

describe('fish offers', () => {
  it.each([
    ['commands', 'spillway alerts ', ['help', 'list', 'test']],
    ['a command by its beginning', 'spillway insp', ['inspect']],
    ['options', 'spillway check --', ['--attach', '--help', '--output']],
    ['choices of an option', 'spillway snapshot -o ', ['json', 'ndjson', 'prometheus', 'table']],
    ['choices behind =', 'spillway procs --sort=fall', ['--sort=fallbacks']],
    ['choices of an argument', 'spillway completion ', ['bash', 'fish', 'zsh']],
    ['a file behind an option', 'spillway run --config wan', ['wanted file.yaml']],
    ['a file as argument', 'spillway check wan', ['wanted file.yaml']],
    ['no file where none is wanted', 'spillway doctor wan', []],
    ['what is no value', 'spillway procs --sort alerts --fal', ['--fallen']],
  ])('%s', (_, text, expected) => {
    expect(offered(text).sort()).toEqual(expected);
  });

  it('a program to run, and then files', () => {
    expect(offered('spillway stat -- mknod')).toContain('mknod');
    expect(offered('spillway stat -- cp wan')).toContain('wanted file.yaml');
  });
});

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FILES, type Files, loadConfig } from '../../src/config/load.ts';
import { OPTIONS } from './support.ts';

const MOST = 128 * 1024;

/** Loads a file of these bytes, or one that fails with this code. */
function load(content: string | Uint8Array | { readonly code: string }, required = true) {
  const files: Files = {
    readFile: (_path, atMost) => {
      if (typeof content === 'object' && 'code' in content) throw Object.assign(new Error(), content);
      return Buffer.from(content as Uint8Array).subarray(0, atMost);
    },
    fileExists: (path) => path === '/there',
  };
  return loadConfig('c.yaml', { ...OPTIONS, required, files });
}

it('a file that was not asked for need not be there', () => {
  expect(load({ code: 'ENOENT' }, false)).toEqual(load(''));
});

it.each([
  ['ENOENT', true, 'c.yaml: there is no such file'],
  ['EACCES', true, 'c.yaml: it cannot be read (EACCES)'],
  ['EACCES', false, 'c.yaml: it cannot be read (EACCES)'],
  ['ENOTDIR', false, 'c.yaml: it cannot be read (ENOTDIR)'],
])('%s, asked for: %s', (code, required, message) => {
  expect(() => load({ code }, required)).toThrow(expect.objectContaining({ code: 'CONFIG', message }));
});

it('128 KiB are taken, one byte more is not', () => {
  expect(load(`#${' '.repeat(MOST - 1)}`)).toEqual(load(''));
  expect(() => load(`#${' '.repeat(MOST)}`)).toThrow('c.yaml: it is larger than 128 KiB: is it another file?');
});

it.each([
  [Buffer.from('confirm: auto\n# Z\xfcrich\n', 'latin1'), 'c.yaml:2:4: this is no UTF-8'],
  [Buffer.from([0xff, 0xfe, 0x61, 0x00]), 'c.yaml:1:1: this is no UTF-8'],
  [Buffer.from('# ö\n# \u{1f600}\n').subarray(0, -2), 'c.yaml:2:3: this is no UTF-8'],
])('%#: what is no UTF-8 is refused where it begins', (bytes, message) => {
  expect(() => load(bytes)).toThrow(message);
});

it('a byte order mark is no text', () => {
  expect(() => load('\ufeffconfirm: x')).toThrow('c.yaml:1:10: confirm');
});

it('files that it names must exist', () => {
  expect(load('web: {config_file: /there}').web.configFile).toBe('/there');
  expect(() => load('web: {config_file: /not-there}')).toThrow('c.yaml:1:20: web.config_file: there is no such file');
});

describe('the files of this host', () => {
  const directory = mkdtempSync(join(tmpdir(), 'spillway-config-'));
  const file = join(directory, 'c.yaml');
  writeFileSync(file, 'confirm: never\n');
  afterAll(() => rmSync(directory, { recursive: true }));

  it('are read to their end, or as far as asked for', () => {
    const read = (atMost: number) => Buffer.from(FILES.readFile(file, atMost)).toString();
    expect(read(100)).toBe('confirm: never\n');
    expect(read(7)).toBe('confirm');
    expect(FILES.readFile('/dev/zero', 5)).toHaveLength(5);
  });

  it('exist, or not', () => {
    chmodSync(file, 0o644);
    mkdirSync(join(directory, 'd'));
    expect(FILES.fileExists(file)).toBe(true);
    expect(FILES.fileExists(join(directory, 'd'))).toBe(false);
    expect(FILES.fileExists(join(directory, 'none'))).toBe(false);
    expect(() => FILES.readFile(join(directory, 'none'), 1)).toThrow('ENOENT');
  });
});

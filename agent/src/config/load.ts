/** A configuration file -> the configuration. */
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Config } from './config.ts';
import { parseConfig, type ParseOptions } from './parse.ts';
import { ConfigError, Problems } from './problems.ts';

/** Where the configuration stands unless another file is named. */
export const DEFAULT_CONFIG_FILE = '/etc/spillway/config.yaml';

/**
 * 50 times the packaged file, or some 500 rules. A reload is parsed while probes and receivers wait. Rules take a microsecond a byte;
 * another file, named by mistake, up to 6, most of them inside the YAML parser, and none of that can be interrupted: 1 MiB of quotes
 * took 6 seconds.
 */
export const MOST_KIB = 128;
const MOST_BYTES = MOST_KIB * 1024;

export interface LoadOptions extends Omit<ParseOptions, 'fileExists'> {
  /** The file was asked for: it must be there. Otherwise no file means the default configuration. */
  readonly required: boolean;
  readonly files: Files;
}

/** What of the file system is needed. */
export interface Files {
  /** The first bytes of a file, at most so many. @throws NodeJS.ErrnoException */
  readFile(path: string, atMost: number): Uint8Array;
  /** Whether there is a file that can be read. */
  fileExists(path: string): boolean;
}

/** @throws ConfigError */
export function loadConfig(file: string, { required, files, ...options }: LoadOptions): Config {
  return parseConfig(textOf(file, required, files), file, {
    ...options,
    fileExists: (path) => files.fileExists(path),
  });
}

/** The text of a configuration; '' if there is none and none was asked for. @throws ConfigError */
export function textOf(file: string, required: boolean, files: Pick<Files, 'readFile'>): string {
  let bytes: Uint8Array;
  try {
    bytes = files.readFile(file, MOST_BYTES + 1);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (code === 'ENOENT' && !required) return '';
    const remedy = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new ConfigError(file, [{ line: null, column: null, message: remedy }], { cause: error });
  }
  if (bytes.length > MOST_BYTES) {
    throw new ConfigError(file, [
      { line: null, column: null, message: `it is larger than ${String(MOST_KIB)} KiB: is it another file?` },
    ]);
  }
  return decode(bytes, file);
}

/** @throws ConfigError with the place of the first byte that is no UTF-8 */
function decode(bytes: Uint8Array, file: string): string {
  const text = new TextDecoder().decode(bytes);
  if (isUtf8(bytes)) return text;
  const problems = new Problems(text);
  const offset = text.indexOf('\ufffd');
  problems.add([offset, offset], 'this is no UTF-8: save the file in that encoding');
  throw new ConfigError(file, problems.list());
}

/** The files of this host. */
export const FILES: Files = {
  readFile: (path, atMost) => {
    const buffer = new Uint8Array(atMost);
    const fd = openSync(path, 'r');
    try {
      let length = 0;
      for (let got = -1; got !== 0 && length < atMost; length += got) {
        got = readSync(fd, buffer, length, atMost - length, null);
      }
      return buffer.subarray(0, length);
    } finally {
      closeSync(fd);
    }
  },
  fileExists: (path) => {
    try {
      if (!statSync(path).isFile()) return false;
      // not access(2): it knows no capability of one that is not root, and keys are root's
      closeSync(openSync(path, 'r'));
      return true;
    } catch {
      return false;
    }
  },
};

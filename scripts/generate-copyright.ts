/**
 * The copyright file of the Debian package, on stdout: the licences of all that is in it.
 *
 *   node scripts/generate-copyright.ts INPUTS NODE LIBBPF
 *
 * INPUTS is esbuild's list of what went into the bundle, NODE and LIBBPF are the folders of the packages.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [inputs, node, libbpf] = process.argv.slice(2);
if (inputs === undefined || node === undefined || libbpf === undefined) {
  throw new Error('generate-copyright: inputs of the bundle, folder of node, folder of libbpf');
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly author?: string | { readonly name: string };
}

/** `node_modules/@a/b` of `node_modules/@a/b/lib/x.js`, for everything that was bundled. */
function bundledFolders(): string[] {
  const { inputs: files } = JSON.parse(readFileSync(inputs ?? '', 'utf8')) as { inputs: Record<string, unknown> };
  const folders = Object.keys(files).flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  // the addon is compiled with these headers
  return [...new Set([...folders, 'node_modules/node-addon-api'])].sort();
}

/** Where Debian has the text of these, it is not repeated. */
const COMMON: Readonly<Record<string, string>> = { 'Apache-2.0': 'Apache-2.0' };

function paragraphOf(folder: string): string {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package;
  const text = licenceIn(folder);
  const holders = text === null ? [] : copyrightLines(text);
  const by = typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`);
  const common = COMMON[license];
  if (common === undefined && text === null) throw new Error(`generate-copyright: ${folder} has no licence text`);
  return paragraph({
    files: common === undefined ? `${name} ${version}` : `${name} ${version} (no text of its own beside it)`,
    copyright: holders.length === 0 ? [by] : holders,
    licence: common === undefined ? `${license} (${name})` : license,
    text: common === undefined ? (text ?? '') : `See /usr/share/common-licenses/${common}.`,
  });
}

function licenceIn(folder: string): string | null {
  const name = readdirSync(folder).find((file) => /^(?:licen[cs]e|copying)(?:\.\w+)?$/i.test(file));
  return name === undefined ? null : readFileSync(join(folder, name), 'utf8');
}

const copyrightLines = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => /^\s*(?:\/?\*\s*)?Copyright (?:\(c\)|©|[0-9])/i.test(line))
    .map((line) => line.replace(/^[\s/*]+/, '').trim());

interface Paragraph {
  readonly files: string;
  readonly copyright: readonly string[];
  readonly licence: string;
  readonly text: string;
}

/** A comment names what is meant: parts of one bundled file have no path of their own. */
function paragraph({ files, copyright, licence, text }: Paragraph): string {
  return [
    `Files: usr/lib/spillway/*`,
    `Comment: ${files}`,
    `Copyright: ${copyright.join('\n ')}`,
    `License: ${licence}`,
    text
      .trimEnd()
      .split(/\r?\n/)
      .map((line) => (line.trim() === '' ? ' .' : ` ${line.replaceAll('\f', '').trimEnd()}`))
      .join('\n'),
    '',
  ].join('\n');
}

const fileOf = (...parts: string[]): string => {
  const path = join(...parts);
  if (!existsSync(path)) throw new Error(`generate-copyright: ${path} is missing`);
  return readFileSync(path, 'utf8');
};

const { version: nodeVersion } = JSON.parse(fileOf(node, 'package.json')) as Package;
const paragraphs = [
  `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: spillway
`,
  `Files: *
Copyright: the authors of spillway
License: Apache-2.0
 See /usr/share/common-licenses/Apache-2.0.
`,
  `Files: usr/lib/spillway/build/bpf/*
Copyright: the authors of spillway
License: GPL-2.0 or Apache-2.0
 See /usr/share/common-licenses/GPL-2 and /usr/share/common-licenses/Apache-2.0.
`,
  paragraph({
    files: 'libbpf, linked into build/native/spillway.node; LGPL-2.1 or BSD-2-Clause, used under the latter',
    copyright: ['2015 The Libbpf Authors'],
    licence: 'BSD-2-Clause (libbpf)',
    text: fileOf(libbpf, 'libbpf/LICENSE.BSD-2-Clause'),
  }),
  paragraph({
    files:
      'libelf of elfutils, linked into build/native/spillway.node without changes, from the crate libbpf-sys; whoever wants to link ' +
      'another one builds spillway.node anew with make native',
    copyright: ['Red Hat, Inc.', 'Ulrich Drepper', 'the authors of elfutils'],
    licence: 'LGPL-3+ or GPL-2+',
    text: 'See /usr/share/common-licenses/LGPL-3 and /usr/share/common-licenses/GPL-2.',
  }),
  paragraph({
    files: 'zlib, linked into build/native/spillway.node',
    copyright: ['1995-2024 Jean-loup Gailly and Mark Adler'],
    licence: 'Zlib',
    text: fileOf(libbpf, 'zlib/LICENSE'),
  }),
  ...bundledFolders().map(paragraphOf),
  paragraph({
    files: `Node.js ${nodeVersion} (bin/node), and all that is in it`,
    copyright: ['Node.js contributors', 'and those named below'],
    licence: 'Expat and others (Node.js)',
    text: fileOf(node, 'LICENSE'),
  }),
];
process.stdout.write(paragraphs.join('\n'));

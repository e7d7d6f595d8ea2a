/** A tar archive (ustar, POSIX.1-1988) of small files. Pure. */

export interface Member {
  /** At most 99 characters of ASCII. */
  readonly name: string;
  readonly text: string;
}

const BLOCK = 512;

/** The archive, unpacked as files that only their owner can read. @param time seconds since 1970 UTC */
export function tar(members: readonly Member[], time: number): Buffer {
  const blocks = members.flatMap(({ name, text }) => {
    const content = Buffer.from(text);
    return [header(name, content.length, time), content, Buffer.alloc(-content.length & (BLOCK - 1))];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, size: number, time: number): Buffer {
  if (!/^[\x21-\x7e]{1,99}$/.test(name)) throw new Error(`no name for a member of an archive: ${name}`);
  const block = Buffer.alloc(BLOCK);
  const put = (offset: number, text: string) => block.write(text, offset, 'latin1');
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  put(0, name);
  put(100, octal(0o600, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(Math.floor(time), 11));
  // the sum is that of a header with blanks in its place
  put(148, ' '.repeat(8));
  put(156, '0');
  put(257, 'ustar\x0000');
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return block;
}

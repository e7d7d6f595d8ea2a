/** lighttpd: sendfile, then read and write for the chunk that was refused. */
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { compareServer, fileOf, freePort, verdicts } from '../support/compare.ts';
import { bodyLength } from '../support/http.ts';
import { lighttpdServer } from '../support/lighttpd.ts';
import { refusingDirectory } from '../support/refusing.ts';

it('serves a file by sendfile', async () => {
  const size = 1 << 20;
  const server = lighttpdServer(dirname(fileOf(size)), await freePort());
  const report = await compareServer(server, async () => {
    expect(await bodyLength(`http://127.0.0.1:${String(server.port)}/source-${String(size)}`)).toBe(size);
  });
  // How often the socket was full depends on how fast the client read.
  const { zerocopy = 0, retry = 0, ...others } = verdicts(report).sendfile ?? {};
  expect(others).toEqual({});
  expect(zerocopy).toBeGreaterThanOrEqual(1);
  expect(report.mechanisms.sendfile?.errnos).toEqual(retry === 0 ? {} : { EAGAIN: retry });
  expect(report.mechanisms.sendfile?.bytes).toBe(size);
});

it('reads and writes each chunk of a file that cannot splice', async () => {
  const size = 2 << 20;
  const server = lighttpdServer(refusingDirectory(size), await freePort());
  const report = await compareServer(server, async () => {
    expect(await bodyLength(`http://127.0.0.1:${String(server.port)}/file`)).toBe(size);
  });
  // It asks again for every chunk. How large those are depends on its version, and on how much the socket took.
  const refused = report.mechanisms.sendfile?.attempts ?? 0;
  expect(refused).toBeGreaterThanOrEqual(1);
  expect(verdicts(report)).toEqual({ sendfile: { 'refused source_cannot_splice': refused, confirmed: refused } });
  expect(report).toMatchObject({ processes: [{ comm: 'lighttpd', fallbacks: refused, fallen: ['sendfile'] }] });
});

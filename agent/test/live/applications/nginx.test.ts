/** nginx: sendfile and nothing else. What it is refused it gives up, which is an error and no fallback. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { compareServer, fileOf, freePort, verdicts } from '../support/compare.ts';
import { bodyLength, readLate } from '../support/http.ts';
import { nginxServer } from '../support/nginx.ts';
import { refusingDirectory } from '../support/refusing.ts';

const REQUESTS = 10;

it('serves each small file by one sendfile', async () => {
  const size = 4096;
  const server = nginxServer(dirname(fileOf(size)), await freePort());
  const report = await compareServer(server, async () => {
    for (let i = 0; i < REQUESTS; i++) {
      expect(await bodyLength(`http://127.0.0.1:${String(server.port)}/source-${String(size)}`)).toBe(size);
    }
  });
  expect(verdicts(report)).toEqual({ sendfile: { zerocopy: REQUESTS } });
});

it('tries again when a slow client has room', async () => {
  const size = 64 << 20;
  const server = nginxServer(dirname(fileOf(size)), await freePort());
  const report = await compareServer(server, async () => {
    expect(await readLate(server.port, `/source-${String(size)}`, 300)).toBeGreaterThan(size);
  });
  // No socket buffer takes 64 MiB, so it was full at least once; how often after that is up to the client.
  const { zerocopy = 0, retry = 0, ...others } = verdicts(report).sendfile ?? {};
  expect(others).toEqual({});
  expect(zerocopy).toBeGreaterThan(1);
  expect(retry).toBeGreaterThanOrEqual(1);
  expect(report.mechanisms.sendfile).toMatchObject({ bytes: size, errnos: { EAGAIN: retry } });
});

it('abandons each file that cannot splice', async () => {
  const server = nginxServer(refusingDirectory(2 << 20), await freePort());
  const report = await compareServer(server, async () => {
    for (let i = 0; i < REQUESTS; i++) {
      expect(await bodyLength(`http://127.0.0.1:${String(server.port)}/file`)).toBe(0);
    }
  });
  expect(readFileSync(server.errorLog, 'utf8').match(/sendfile\(\) failed \(22: /g)).toHaveLength(REQUESTS);
  expect(verdicts(report)).toEqual({ sendfile: { 'refused source_cannot_splice': REQUESTS, abandoned: REQUESTS } });
  expect(report).toMatchObject({
    processes: [{ comm: 'nginx', attempts: REQUESTS, fallbacks: 0, fallen: [] }],
    causes: [
      {
        mechanism: 'sendfile',
        outcome: 'refused',
        reason: 'source_cannot_splice',
        count: REQUESTS,
        comm: 'nginx',
        culprit: { type: 'file', filesystem: 'hugetlbfs' },
      },
    ],
  });
});

/** Under the daemon, whose probes of reads and writes are, unless told otherwise, there only after a refusal. */
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileOf, freePort, memoryDirectory, startServer } from '../support/compare.ts';
import { bodyLength } from '../support/http.ts';
import { transfer } from '../support/java.ts';
import { lighttpdServer } from '../support/lighttpd.ts';
import { nginxServer } from '../support/nginx.ts';
import { refusingDirectory } from '../support/refusing.ts';
import { run, scrape, startDaemon, sumOf } from '../support/run.ts';

const SIZE = 2 << 20;
const TIMES = 8;
/** Slower than the daemon is at attaching its probes, faster than it gives up waiting. */
const PAUSE = 250;
/** Longer than any refusal stays pending. */
const SETTLED = 1500;

it.each(['always', 'auto'])('with confirm: %s tells those that fall back from those that do not', async (confirm) => {
  const daemon = await startDaemon(['--confirm', confirm]);
  const root = refusingDirectory(SIZE);
  const nginx = nginxServer(root, await freePort());
  const lighttpd = lighttpdServer(root, await freePort());
  const stops = [await startServer(nginx), await startServer(lighttpd)];

  for (let i = 0; i < TIMES; i++) {
    expect(await bodyLength(`http://127.0.0.1:${String(nginx.port)}/file`)).toBe(0);
    await delay(PAUSE);
  }
  expect(await bodyLength(`http://127.0.0.1:${String(lighttpd.port)}/file`)).toBe(SIZE);
  const source = fileOf(SIZE);
  expect(await run(transfer(25, 'file-tcp', source, String(TIMES)))).toMatchObject({ code: 0, stderr: '' });
  for (let i = 0; i < TIMES; i++) await run(['cp', source, join(memoryDirectory(), 'copy')]);
  await delay(SETTLED);
  for (const stop of stops) await stop();

  // The host is one for all, so only what these programs did is asked for.
  const samples = await scrape(daemon);
  const of = (comm: string, mechanism: string) => {
    const labels = [`comm="${comm}"`, `mechanism="${mechanism}"`];
    return {
      refused: sumOf(samples, 'workload_attempts_total', ...labels, 'outcome="refused"'),
      confirmed: sumOf(samples, 'workload_fallbacks_total', ...labels, 'evidence="confirmed"'),
      presumed: sumOf(samples, 'workload_fallbacks_total', ...labels, 'evidence="presumed"'),
    };
  };
  // These copy. Whether that was seen is, in `auto`, a race with the daemon, which learns of a refusal after it.
  const lighttpdDid = of('lighttpd', 'sendfile');
  expect(lighttpdDid.refused).toBeGreaterThanOrEqual(1);
  expect(lighttpdDid.confirmed + lighttpdDid.presumed).toBe(lighttpdDid.refused);
  const cpDid = of('cp', 'copy_file_range');
  expect(cpDid).toMatchObject({ refused: TIMES });
  expect(cpDid.confirmed + cpDid.presumed).toBe(TIMES);
  // The thread's next attempt tells that, with or without those probes.
  expect(of('java', 'copy_file_range')).toEqual({ refused: TIMES, confirmed: 0, presumed: 0 });
  // What nginx does next is to serve others, from files and connections that came to lie where the old ones were.
  const nginxDid = of('nginx', 'sendfile');
  expect(nginxDid).toMatchObject({ refused: TIMES, confirmed: 0 });
  if (confirm === 'always') expect([lighttpdDid.presumed, cpDid.presumed, nginxDid.presumed]).toEqual([0, 0, 0]);
});

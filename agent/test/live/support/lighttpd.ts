/** A real lighttpd that serves files with sendfile. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from './compare.ts';
import { temporaryDirectory } from './run.ts';

/** Interrupted it ends in order; terminated, with status 1 should a connection be open. */
export function lighttpdServer(root: string, port: number): Server {
  const directory = temporaryDirectory();
  const pidFile = join(directory, 'pid');
  const configuration = `
server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${String(port)}
server.pid-file = "${pidFile}"
server.errorlog = "${directory}/error.log"
server.network-backend = "sendfile"
server.modules = ()
`;
  const file = join(directory, 'lighttpd.conf');
  writeFileSync(file, configuration);
  return { command: ['lighttpd', '-D', '-f', file], pidFile, port, signal: 'SIGINT' };
}

/** A real lighttpd that serves files with sendfile. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from './compare.ts';
import { temporaryDirectory } from './run.ts';

/** lighttpd, and what it logs. */
export interface LighttpdServer extends Server {
  /** A line for each request: path, status, bytes of the body. Whole when it has ended. */
  readonly accessLog: string;
}

/** Interrupted it ends in order; terminated, with status 1 should a connection be open. */
export function lighttpdServer(root: string, port: number): LighttpdServer {
  const directory = temporaryDirectory();
  const pidFile = join(directory, 'pid');
  const accessLog = join(directory, 'access.log');
  const configuration = `
server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${String(port)}
server.pid-file = "${pidFile}"
server.errorlog = "${directory}/error.log"
server.network-backend = "sendfile"
server.modules = ("mod_accesslog")
accesslog.filename = "${accessLog}"
accesslog.format = "%U %s %B"
`;
  const file = join(directory, 'lighttpd.conf');
  writeFileSync(file, configuration);
  return { command: ['lighttpd', '-D', '-f', file], pidFile, port, signal: 'SIGINT', accessLog };
}

/** A real haproxy in front of a server of ours, splicing what goes either way. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from './compare.ts';
import { temporaryDirectory } from './run.ts';

/** One thread; in the background, for only there it writes its process id. `options` are those of the proxy. */
export function haproxyServer(port: number, backend: number, options: readonly string[]): Server {
  const directory = temporaryDirectory();
  const pidFile = join(directory, 'pid');
  const configuration = `
global
  nbthread 1
  pidfile ${pidFile}
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen proxy
  bind 127.0.0.1:${String(port)}
${options.map((option) => `  option ${option}\n`).join('')}\
  server backend 127.0.0.1:${String(backend)}
`;
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(file, configuration);
  return { command: ['haproxy', '-q', '-D', '-f', file], pidFile, port, signal: 'SIGUSR1' };
}

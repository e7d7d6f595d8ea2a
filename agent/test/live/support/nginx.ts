/** A real nginx on a port of its own, serving files with sendfile, logging every request. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Server } from './compare.ts';
import { temporaryDirectory } from './run.ts';

/** nginx with one worker, and what it logs. */
export interface NginxServer extends Server {
  readonly accessLog: string;
  readonly errorLog: string;
}

export function nginxServer(root: string, port: number): NginxServer {
  const directory = temporaryDirectory();
  const accessLog = join(directory, 'access.log');
  const errorLog = join(directory, 'error.log');
  const pidFile = join(directory, 'pid');
  // The temporary directory is root's alone, so the worker stays root.
  const configuration = `
    user root; worker_processes 1; daemon off; pid ${pidFile}; error_log ${errorLog};
    events { worker_connections 256; }
    http {
      sendfile on; keepalive_requests 1000000; access_log ${accessLog};
      client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
      uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
      server { listen 127.0.0.1:${String(port)}; root ${root}; }
    }`;
  writeFileSync(join(directory, 'nginx.conf'), configuration);
  const command = ['nginx', '-p', directory, '-c', 'nginx.conf'];
  return { command, pidFile, port, signal: 'SIGTERM', accessLog, errorLog };
}

export interface Nginx {
  /** Of the master process. */
  readonly pid: number;
  /** Requests that nginx itself logged as answered with 200. */
  served(): number;
  /** Makes so many requests over a few kept connections. */
  request(count: number): Promise<void>;
}

const FILE_SIZE = 4096;

/** Starts nginx and waits until it answers. */
export async function startNginx(port: number): Promise<Nginx> {
  const root = temporaryDirectory();
  writeFileSync(join(root, 'file'), Buffer.alloc(FILE_SIZE, 'x'));
  const { command, pidFile, accessLog } = nginxServer(root, port);
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: 'inherit' });
  onTestFinished(() => {
    child.kill('SIGTERM');
  });
  const deadline = Date.now() + 10_000;
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '') {
    if (Date.now() > deadline) throw new Error('nginx did not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const url = `http://127.0.0.1:${String(port)}/file`;
  return {
    pid: Number(readFileSync(pidFile, 'utf8')),
    served: () => (readFileSync(accessLog, 'utf8').match(/" 200 4096 /g) ?? []).length,
    request: (count) => request(url, count),
  };
}

async function request(url: string, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      await new Promise<void>((resolve, reject) => {
        get(url, { agent }, (response) => {
          response.resume().once('end', resolve).once('error', reject);
        }).once('error', reject);
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  agent.destroy();
}

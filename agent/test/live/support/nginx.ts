/** A real nginx on a port of its own, serving one file with sendfile, logging every request. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './run.ts';

export interface Nginx {
  /** Of the master process. */
  readonly pid: number;
  /** Requests that nginx itself logged as answered with 200. */
  served(): number;
  /** Makes so many requests over a few kept connections. */
  request(count: number): Promise<void>;
}

const FILE_SIZE = 4096;

/** Starts nginx with one worker and waits until it answers. */
export async function startNginx(port: number): Promise<Nginx> {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'html'));
  writeFileSync(join(directory, 'html/file'), Buffer.alloc(FILE_SIZE, 'x'));
  const log = join(directory, 'access.log');
  const pidFile = join(directory, 'pid');
  const configuration = `
    worker_processes 1; daemon off; pid ${pidFile}; error_log ${directory}/error.log;
    events { worker_connections 256; }
    http {
      sendfile on; keepalive_requests 1000000; access_log ${log};
      client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
      uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
      server { listen 127.0.0.1:${String(port)}; root ${directory}/html; }
    }`;
  writeFileSync(join(directory, 'nginx.conf'), configuration);
  const child = spawn('nginx', ['-p', directory, '-c', 'nginx.conf'], { stdio: 'inherit' });
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
    served: () => (readFileSync(log, 'utf8').match(/" 200 4096 /g) ?? []).length,
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

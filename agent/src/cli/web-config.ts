/** The web configuration of a command: TLS, users and headers. */
import { FILES } from '../config/load.ts';
import type { WebConfig } from '../web/access/config.ts';
import { LiveWebConfig, stampOf } from '../web/access/live.ts';
import { log } from './context.ts';

/** One that follows its files. @throws ConfigError */
export function liveWebConfig(file: string): LiveWebConfig {
  return new LiveWebConfig(file, { files: FILES, stampOf, monotonicMs: () => performance.now(), log });
}

/** What it comes to, in words. */
export function webConfigText({ tls, users }: WebConfig): string {
  const who = users.size === 0 ? 'everybody' : `${String(users.size)} ${users.size === 1 ? 'user' : 'users'}`;
  if (tls === null) return `plain HTTP, ${who}`;
  const until = new Date(tls.validTo).toISOString().slice(0, 10);
  return `TLS with a certificate until ${until}, ${who}, client certificates: ${tls.clientAuth}`;
}

/** What a running agent has counted, over HTTP or HTTPS. */
import { readFileSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SpillwayError } from '../model/errors.ts';
import { printable } from '../model/text.ts';
import type { AlertsJson } from '../web/alerts-json.ts';
import type { SnapshotJson } from '../web/snapshot-json.ts';
import { type Address, addressText, DEFAULT_ADDRESS, listenAddress } from './values.ts';

/** Where the agent serves, and as whom to ask. */
export interface DaemonAddress extends Address {
  readonly tls: boolean;
  /** Null: nobody in particular. */
  readonly user: string | null;
}

/** What the options of `withDaemon` give. */
export interface DaemonFlags {
  readonly address: DaemonAddress;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly passwordFile?: string;
}

const EXPECTED = 'HOST:PORT, or a URL such as https://user@host:10190.';

/** `127.0.0.1:10190`, `https://host:10190`, `https://user@host:10190`. */
export function daemonAddress(text: string): DaemonAddress {
  const match = /^(https?):\/\/(?:([^@/]*)@)?([^@/]+)\/?$/i.exec(text);
  if (match === null && text.includes('://')) throw new InvalidArgumentError(EXPECTED);
  const [, scheme = 'http', user, host = text] = match ?? [];
  if (user?.includes(':') === true) {
    // InvalidArgumentError would repeat it
    throw new SpillwayError(
      'USAGE',
      'an address is no place for a password, others can see it: use --password-file or SPILLWAY_PASSWORD',
    );
  }
  const tls = scheme.toLowerCase() === 'https';
  const withPort = match !== null && !/:[0-9]+$/.test(host) ? `${host}:${tls ? '443' : '80'}` : host;
  return { ...listenAddress(withPort), tls, user: user === undefined || user === '' ? null : decoded(user) };
}

function decoded(user: string): string {
  try {
    return decodeURIComponent(user);
  } catch {
    throw new InvalidArgumentError('a % in the name of the user is written as %25.');
  }
}

/** Adds the options that say where the agent is, and how to be let in. */
export function withDaemon(command: Command): Command {
  return command
    .addOption(
      new Option('-a, --address <address>', 'where the daemon serves: HOST:PORT or https://USER@HOST:PORT')
        .env('SPILLWAY_ADDRESS')
        .argParser(daemonAddress)
        .default({ ...DEFAULT_ADDRESS, tls: false, user: null }, addressText(DEFAULT_ADDRESS)),
    )
    .addOption(
      new Option('--ca-file <file>', "authorities that vouch for the daemon's certificate").env('SPILLWAY_CA_FILE'),
    )
    .addOption(new Option('--cert-file <file>', 'a client certificate for the daemon').env('SPILLWAY_CERT_FILE'))
    .addOption(new Option('--key-file <file>', 'its key').env('SPILLWAY_KEY_FILE'))
    .addOption(
      new Option('--password-file <file>', 'the password of USER; without it SPILLWAY_PASSWORD').env(
        'SPILLWAY_PASSWORD_FILE',
      ),
    );
}

/** Everything that the agent has counted since it started. @throws SpillwayError NO_DAEMON */
export async function snapshotOfDaemon(flags: DaemonFlags): Promise<SnapshotJson> {
  return JSON.parse(await get(flags, '/api/v1/snapshot')) as SnapshotJson;
}

/** The same for Prometheus. @throws SpillwayError NO_DAEMON */
export function metricsOfDaemon(flags: DaemonFlags): Promise<string> {
  return get(flags, '/metrics');
}

/** How the alerts stand. @throws SpillwayError NO_DAEMON, also where alerts are switched off */
export async function alertsOfDaemon(flags: DaemonFlags): Promise<AlertsJson> {
  return JSON.parse(await get(flags, ALERTS)) as AlertsJson;
}

/** The same; null where alerts are switched off. @throws SpillwayError NO_DAEMON */
export async function alertsIfJudged(flags: DaemonFlags): Promise<AlertsJson | null> {
  const answer = await answerOf(flags, ALERTS);
  return answer.status === 404 ? null : (JSON.parse(bodyOf(flags, ALERTS, answer)) as AlertsJson);
}

const ALERTS = '/api/v1/alerts';

/** Characters of an answer's own words that an error repeats. */
const MAX_REASON = 200;
const TIMEOUT_MS = 10_000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

const get = async (flags: DaemonFlags, path: string): Promise<string> =>
  bodyOf(flags, path, await answerOf(flags, path));

const urlOf = ({ address }: DaemonFlags): string => `${address.tls ? 'https' : 'http'}://${addressText(address)}`;

/** Whatever it answers. */
async function answerOf(flags: DaemonFlags, path: string): Promise<Answer> {
  try {
    return await ask(flags, path);
  } catch (error) {
    if (error instanceof SpillwayError) throw error;
    throw new SpillwayError('NO_DAEMON', unreachable(urlOf(flags), flags.address, error), { cause: error });
  }
}

/** What was asked for. */
function bodyOf(flags: DaemonFlags, path: string, { status, text }: Answer): string {
  const { address } = flags;
  if (status >= 200 && status < 300) return text;
  const why = printable(text.trim()).slice(0, MAX_REASON);
  const said = `${urlOf(flags)}${path} answered ${String(status)}${why === '' ? '' : `: ${why}`}`;
  throw new SpillwayError('NO_DAEMON', `${said}${remedy(status, text, address)}`);
}

/** What to do about an answer. */
function remedy(status: number, text: string, { tls, user, ...address }: DaemonAddress): string {
  if (status === 401) {
    const who = user === null ? `-a ${tls ? 'https' : 'http'}://USER@${addressText(address)}` : 'another';
    return `; give ${who === 'another' ? 'the right password' : who}, with --password-file or SPILLWAY_PASSWORD`;
  }
  // in our words, and in those of Go
  if (status === 400 && !tls && /https/i.test(text)) return `; give -a https://${addressText(address)}`;
  return '';
}

async function ask(flags: DaemonFlags, path: string): Promise<Answer> {
  const { host, port, tls, user } = flags.address;
  const auth = user === null ? {} : { auth: `${user}:${passwordOf(flags)}` };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const common = { host, port, path, signal, agent: false, ...auth } as const;
  const request = tls
    ? httpsRequest({
        ...common,
        ca: fileOf('--ca-file', flags.caFile),
        cert: fileOf('--cert-file', flags.certFile),
        key: fileOf('--key-file', flags.keyFile),
      })
    : httpRequest(common);
  const response = await responseOf(request.end());
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
}

function responseOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
}

function passwordOf({ passwordFile }: DaemonFlags): string {
  const password =
    fileOf('--password-file', passwordFile)
      ?.toString()
      .replace(/\r?\n$/, '') ?? process.env.SPILLWAY_PASSWORD;
  if (password === undefined) {
    throw new SpillwayError('USAGE', 'a user needs a password: give --password-file, or SPILLWAY_PASSWORD');
  }
  return password;
}

function fileOf(option: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new SpillwayError('USAGE', `${option} ${printable(path)}: ${code}`, { cause: error });
  }
}

/** Codes of OpenSSL for a certificate that nobody known has signed. */
const UNKNOWN_AUTHORITY =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(?:_LOCALLY)?))$/;

/** Why there was no answer, and what to do. */
function unreachable(url: string, address: Address & { tls: boolean }, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const why = error instanceof Error && error.name === 'AbortError' ? 'no answer in 10 s' : code || message;
  const begin = `no agent answers at ${url} (${why})`;
  if (UNKNOWN_AUTHORITY.test(code)) return `${begin}: its certificate is signed by nobody known here: give --ca-file`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `${begin}: its certificate is for another name: ${printable(message)}`;
  if (code === 'CERT_HAS_EXPIRED') return `${begin}: its certificate has expired; the agent takes a new one by itself`;
  if (/wrong.version.number|packet.length.too.long/i.test(code + message)) {
    return `${begin}: it speaks no TLS: give -a http://${addressText(address)}`;
  }
  if (code.startsWith('HPE_')) return `${begin}: that is no HTTP: perhaps -a https://${addressText(address)}`;
  if (address.tls && (/alert/i.test(code + message) || code === 'ECONNRESET' || code === 'EPIPE')) {
    return `${begin}: it may want a client certificate: give --cert-file and --key-file`;
  }
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_OSSL'))
    return `${begin}: TLS cannot be set up: ${printable(message)}`;
  return `${begin}: start one with: spillway run, or look without one: spillway snapshot --duration 10s`;
}

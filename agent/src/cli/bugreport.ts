/** `spillway bugreport`: one archive with what a person needs who was not there. */
import { Command, Option } from 'commander';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { gzipSync } from 'node:zlib';
import { commandLines, hostMembers, notHad, textOf } from '../bugreport/host.ts';
import { redactJson, redactText, redactYaml } from '../bugreport/redact.ts';
import { type Member, tar } from '../bugreport/tar.ts';
import { DEFAULT_CONFIG_FILE } from '../config/load.ts';
import { SpillwayError } from '../model/errors.ts';
import { readConfig } from './configuration.ts';
import { log } from './context.ts';
import { alertsOfDaemon, type DaemonFlags, metricsOfDaemon, snapshotOfDaemon, withDaemon } from './daemon.ts';
import { examine } from './doctor.ts';
import { jsonText } from './output.ts';
import { versions } from './version.ts';

interface BugreportFlags extends DaemonFlags {
  readonly output?: string;
  readonly config?: string;
  readonly commandLines?: true;
}

export const bugreportCommand = withDaemon(new Command('bugreport'))
  .description('write one archive with what is needed to look into a problem, without secrets')
  .addOption(
    new Option('-o, --output <file>', 'the archive, - for stdout; without it spillway-bugreport-HOST-TIME.tar.gz here'),
  )
  .addOption(new Option('-c, --config <file>', `the configuration; without it ${DEFAULT_CONFIG_FILE}`))
  .option('--command-lines', 'add the command lines of the processes that the daemon watches')
  .addHelpText(
    'after',
    `
It holds versions, what doctor finds, the configuration, what the running daemon has counted, settings of the kernel and the
recent log. Passwords, keys, tokens, hashes and the paths of URLs are taken out; names of hosts, addresses, programs and files
are not. The file is readable by its owner only.

Examples:
  spillway bugreport
  spillway bugreport -o - | ssh desk.example 'cat > report.tar.gz'`,
  )
  .action(bugreport);

async function bugreport(flags: BugreportFlags): Promise<void> {
  const now = new Date();
  const toStdout = flags.output === '-';
  if (toStdout && process.stdout.isTTY) {
    throw new SpillwayError('USAGE', 'this is an archive, not for a terminal: name a file, or send it on with |');
  }
  const members = await membersOf(flags);
  const archive = gzipSync(tar([readme(members, now), ...members], now.getTime() / 1000));
  if (toStdout) {
    await new Promise<void>((resolve) => process.stdout.write(archive, () => resolve()));
  } else {
    const file = flags.output ?? fileName(hostname(), now);
    save(file, archive);
    process.stdout.write(`${file}\n`);
  }
  log('info', 'look at config.yaml, log.txt and daemon/*.json in it before you send it: is everything for other eyes?');
}

/** `spillway-bugreport-HOST-TIME.tar.gz`, whatever the host is called. */
export function fileName(host: string, now: Date): string {
  const time = now.toISOString().replace(/[-:]|\.[0-9]+/g, '');
  return `spillway-bugreport-${host.replace(/[^A-Za-z0-9.-]/g, '_')}-${time}.tar.gz`;
}

/** A new file for us alone: nothing that somebody has put there beforehand is written to. */
function save(file: string, archive: Uint8Array): void {
  try {
    writeFileSync(file, archive, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const why =
      code === 'EEXIST' ? 'it is already there (EEXIST); name another with -o' : `${code}; name another with -o`;
    throw new SpillwayError('CANNOT_WRITE', `write ${file}: ${why}`, { cause: error });
  }
}

/** Everything but the introduction, each without secrets. */
async function membersOf(flags: BugreportFlags): Promise<Member[]> {
  const { config, commandLines: withCommandLines } = flags;
  const snapshot = await attempt(() => snapshotOfDaemon(flags));
  const pids = typeof snapshot === 'string' ? [] : snapshot.processes.map(({ pid }) => pid);
  const configFile = config ?? DEFAULT_CONFIG_FILE;
  const texts: Member[] = [
    { name: 'daemon/metrics.txt', text: await attempt(() => metricsOfDaemon(flags)) },
    ...(await hostMembers()),
    ...(withCommandLines === true ? [{ name: 'command-lines.txt', text: commandLines(pids) }] : []),
  ];
  const webConfig = webConfigOf(config);
  return [
    json('version.json', await attempt(versions)),
    json('doctor.json', await attempt(() => examine())),
    { name: 'config.yaml', text: redactYaml(textOf(configFile)) },
    ...(webConfig === null ? [] : [{ name: 'web.yaml', text: redactYaml(textOf(webConfig)) }]),
    json('daemon/snapshot.json', snapshot),
    json('daemon/alerts.json', await attempt(() => alertsOfDaemon(flags))),
    ...texts.map(({ name, text }) => ({ name, text: redactText(text) })),
  ];
}

/** A part of a report that cannot be had is no reason to have none. */
async function attempt<T>(get: () => T | Promise<T>): Promise<T | string> {
  try {
    return await get();
  } catch (error) {
    return notHad(error instanceof Error ? error.message : error);
  }
}

const json = (name: string, document: unknown): Member => ({ name, text: jsonText(redactJson(document), 'json') });

/** The other file of the configuration; null if there is none, or nobody can tell. */
function webConfigOf(file: string | undefined): string | null {
  try {
    return readConfig(file).web.configFile;
  } catch {
    return null;
  }
}

function readme(members: readonly Member[], now: Date): Member {
  const lines = members.map(({ name, text }) => `  ${name} (${String(Buffer.byteLength(text))} bytes)`);
  const text = `A report of spillway, ${now.toISOString()}

${lines.join('\n')}

Passwords, keys, tokens, hashes and the paths of URLs were replaced. Names of hosts, addresses, programs and files were not.
`;
  return { name: 'README.txt', text };
}

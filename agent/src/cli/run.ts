/** `spillway run`: the daemon. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Alerting } from '../alerts/alerting.ts';
import type { AlertsReport, AlertsView, FiringView } from '../alerts/view.ts';
import { changeText, describeChanges } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Hooks } from '../kernel/hooks.ts';
import type { Confirm, KernelOptions } from '../kernel/options.ts';
import { DEFAULT_LIMITS, Exporter } from '../metrics/index.ts';
import { KEPT_CAPABILITIES, lossesHere } from '../kernel/privileges.ts';
import { FilePages, residentOfFiles } from '../service/file-pages.ts';
import { Supervisor } from '../service/supervisor.ts';
import { takeManager } from '../service/watchdog.ts';
import { Quiet } from '../web/quiet.ts';
import type { Source } from '../web/routes.ts';
import { startServer } from '../web/server.ts';
import { outboxOf, rulesOf, startAlerting } from './alerting.ts';
import { kernelOptionsOf } from './attach.ts';
import { configOption, readConfig } from './configuration.ts';
import { binding, build, log, startKernel, startPersistentKernel } from './context.ts';
import { write } from './output.ts';
import { liveWebConfig } from './web-config.ts';
import { type Address, capacityOption, confirmOption, hooksOption, latencyOption, listenAddress } from './values.ts';

interface RunFlags {
  readonly config?: string;
  readonly 'web.listenAddress'?: Address;
  readonly 'web.config.file'?: string;
  readonly flows?: number;
  readonly processes?: number;
  readonly confirm?: Confirm;
  readonly latency?: true;
  readonly persist?: true;
  readonly hooks?: Hooks;
  readonly once?: true;
}

export const runCommand = new Command('run')
  .description('the daemon: attach to the running kernel, serve what is counted, tell what is wrong')
  .addOption(configOption())
  .addOption(
    new Option('--web.listen-address <address>', 'where to serve; :PORT means on all interfaces').argParser(
      listenAddress,
    ),
  )
  .option('--web.config.file <file>', 'TLS, users and headers, in the format of the Prometheus exporter-toolkit')
  .addOption(capacityOption('flows'))
  .addOption(capacityOption('processes'))
  .addOption(confirmOption())
  .addOption(latencyOption())
  .option('--persist', 'keep counts and probes in the kernel while no agent runs; spillway unpin removes them')
  .addOption(hooksOption())
  .option('--once', 'attach, print the metrics once and exit: does it work here?')
  .addHelpText(
    'after',
    `
Options go before the configuration. SIGHUP and POST /-/reload read it again.

Examples:
  spillway run
  spillway run --config /etc/spillway/config.yaml --web.listen-address 127.0.0.1:9999`,
  )
  .action((flags: RunFlags) => (flags.once === true ? once(flags) : serve(flags)));

const EVALUATE_MS = 1000;
/** Before the rules are evaluated. */
const NOTHING_YET: AlertsView = { statuses: [], firing: [], transitions: [], receivers: {}, undurable: 0 };

/** Serves until a signal says to stop. The port is taken first: a second agent ends before it loads anything. */
async function serve(flags: RunFlags): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  const supervisor = newSupervisor();
  const config = readConfig(flags.config);
  let kernel: Kernel | null = null;
  let alerting: Alerting | null = null;
  const reloader = new Reloader(
    config,
    () => readConfig(flags.config),
    () => alerting,
    supervisor,
  );
  process.on('SIGHUP', () => {
    reloader.reload().catch(() => undefined);
  });
  const source: Source = {
    snapshot: () => {
      if (kernel === null) throw new Error('the probes are not attached yet');
      return kernel.snapshot();
    },
    release: (snapshot) => kernel?.release(snapshot),
    ready: () => kernel !== null,
    alerts: () => report(alerting?.view() ?? NOTHING_YET, reloader.config),
    reload: () => reloader.reload(),
    build: build(),
    log,
  };
  const webFile = flags['web.config.file'] ?? config.web.configFile;
  const access = webFile === null ? {} : { access: liveWebConfig(webFile) };
  const { host, port } = flags['web.listenAddress'] ?? config.web.listenAddress;
  const server = await startServer(
    source,
    { host, port, limits: { ...DEFAULT_LIMITS, ...config.limits }, ...access },
    stop.signal,
  );
  let evaluation: NodeJS.Timeout | undefined;
  try {
    supervisor.loading();
    const wanted = options(flags, config);
    const attached = (flags.persist ?? config.persist) ? await startPersistentKernel(wanted) : startKernel(wanted);
    kernel = attached;
    announce(attached, server.url);
    const running = await startAlerting(config, build(), () => attached.boottime());
    alerting = running;
    dropPrivileges();
    if (!stop.signal.aborted) supervisor.ready(attached.programs());
    const filePages = newFilePages();
    evaluation = setInterval(() => {
      try {
        // no rule is about flows
        const snapshot = attached.snapshot({ flows: server.watched });
        running.tick(snapshot);
        server.observe(snapshot);
        supervisor.progress(snapshot, running.view().firing.map(nameOfAlert));
        filePages.tick();
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        log('error', `evaluating the rules: ${why}`);
        supervisor.stuck(why);
      }
    }, EVALUATE_MS);
    await new Promise<void>((resolve) => {
      if (stop.signal.aborted) resolve();
      else stop.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    log('info', 'stopping');
  } catch (error) {
    supervisor.stopping(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    supervisor.stopping();
    clearInterval(evaluation);
    await server.close();
    await alerting?.close();
    kernel?.close();
  }
}

/** Speaks to systemd, or whatever else listens at NOTIFY_SOCKET. */
const newSupervisor = (): Supervisor =>
  new Supervisor({
    manager: takeManager(process.env, process.pid),
    send: (socket, message) => binding().sendNotification(socket, message),
    monotonicUs: () => binding().monotonicUs(),
    log,
  });

const newFilePages = (): FilePages =>
  new FilePages({
    monotonicMs: () => performance.now(),
    resident: () => residentOfFiles(readFileSync('/proc/self/status', 'utf8')),
    release: () => binding().releaseFilePages(),
  });

/** Says what is not seen for want of privileges, and gives up those that only loading and attaching needed. */
function dropPrivileges(): void {
  for (const { capability, loss } of lossesHere()) log('warning', `without ${capability} ${loss}`);
  try {
    binding().limitCapabilities(KEPT_CAPABILITIES);
  } catch (error) {
    log('warning', `giving up privileges: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const nameOfAlert = ({ rule, subject }: FiringView): string =>
  subject === null ? rule : `${rule} (${subject.unit === '' ? subject.comm : subject.unit})`;

const report = (view: AlertsView, config: Config): AlertsReport => ({
  ...view,
  rules: rulesOf(config)
    .filter(({ enabled }) => enabled)
    .map(({ name }) => name),
  time: { unixMs: Date.now(), boottime: binding().bootTimeNs() / 1e9 },
});

/** Reads the configuration again: all or nothing. Counters are kept, and what needs a restart says so. */
class Reloader {
  #config: Config;
  readonly #read: () => Config;
  readonly #alerting: () => Alerting | null;
  readonly #supervisor: Supervisor;
  readonly #quiet = new Quiet(log, () => performance.now());

  constructor(config: Config, read: () => Config, alerting: () => Alerting | null, supervisor: Supervisor) {
    this.#config = config;
    this.#read = read;
    this.#alerting = alerting;
    this.#supervisor = supervisor;
  }

  /** Whoever can reach the port can ask for a reload as often as they like. */
  #repeated(level: 'error' | 'info', message: string): void {
    this.#quiet.say(message, level, message);
  }

  /** The one that is in use. */
  get config(): Config {
    return this.#config;
  }

  /** What has changed, a line each. @throws ConfigError; then everything goes on as before */
  async reload(): Promise<readonly string[]> {
    this.#supervisor.reloading();
    try {
      const next = this.#read();
      const changes = describeChanges(this.#config, next);
      const alerting = this.#alerting();
      alerting?.replaceRules(rulesOf(next));
      if (changes.some(({ key }) => key.startsWith('receivers.') || key === 'status_url')) {
        await alerting?.replaceOutbox(outboxOf(next));
      }
      this.#config = next;
      if (changes.length === 0) {
        this.#repeated('info', 'reload: nothing has changed');
        this.#supervisor.reloaded('');
        return ['nothing has changed'];
      }
      const lines = changes.map(changeText);
      for (const line of lines) log('info', `reload: ${line}`);
      this.#supervisor.reloaded('');
      return lines;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#repeated('error', `reload: the configuration stays as it was:\n${why}`);
      this.#supervisor.reloaded(why);
      throw error;
    }
  }
}

async function once(flags: RunFlags): Promise<void> {
  const kernel = startKernel(options(flags, readConfig(flags.config)));
  try {
    const began = performance.now();
    const snapshot = kernel.snapshot();
    const seconds = (performance.now() - began) / 1000;
    await write(new Exporter(build(), DEFAULT_LIMITS).render(snapshot, { seconds, success: true }));
  } finally {
    kernel.close();
  }
}

function options(flags: RunFlags, config: Config): KernelOptions {
  const configured = kernelOptionsOf(config);
  return {
    ...configured,
    flows: flags.flows ?? configured.flows,
    processes: flags.processes ?? configured.processes,
    confirm: flags.confirm ?? configured.confirm,
    latency: flags.latency ?? configured.latency,
    hooks: flags.hooks ?? configured.hooks,
  };
}

/** What is watched, what is not and why, and where to look. */
function announce(kernel: Kernel, url: string): void {
  const programs = kernel.programs().filter(({ state }) => state !== 'off');
  const attached = programs.filter(({ state }) => state === 'attached');
  log(
    'info',
    `watching sendfile, splice, tee, vmsplice, copy_file_range and io_uring on Linux ${build().kernel} ` +
      `(${String(attached.length)} of ${String(programs.length)} probes attached)`,
  );
  for (const { name, hook, state, reason } of programs) {
    if (state === 'unavailable')
      log('warning', `${name} (${hook}) is not attached, what it sees is missing: ${reason}`);
    else if (reason !== '') log('warning', `${name} (${hook}) is attached ${reason}`);
  }
  if (attached.length < programs.length) log('warning', 'what this host lacks, and what to do: spillway doctor');
  log('info', `metrics are at ${url}/metrics, an overview is at ${url}/`);
  log('info', 'to look at one command: spillway stat -- COMMAND');
}

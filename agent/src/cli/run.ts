/** `spillway run`: the daemon. */
import { Command, Option } from 'commander';
import type { Kernel } from '../kernel/kernel.ts';
import { type Confirm, DEFAULT_OPTIONS, type KernelOptions } from '../kernel/options.ts';
import { DEFAULT_LIMITS, Exporter } from '../metrics/index.ts';
import type { Source } from '../web/routes.ts';
import { startServer } from '../web/server.ts';
import { build, log, startKernel } from './context.ts';
import { write } from './output.ts';
import {
  type Address,
  addressText,
  capacityOption,
  confirmOption,
  latencyOption,
  DEFAULT_ADDRESS,
  listenAddress,
} from './values.ts';

interface RunFlags {
  readonly 'web.listenAddress': Address;
  readonly flows: number;
  readonly processes: number;
  readonly confirm: Confirm;
  readonly latency?: true;
  readonly once?: true;
}

export const runCommand = new Command('run')
  .description('the daemon: attach to the running kernel and serve what is counted')
  .addOption(
    new Option('--web.listen-address <address>', 'where to serve; :PORT means on all interfaces')
      .argParser(listenAddress)
      .default(DEFAULT_ADDRESS, addressText(DEFAULT_ADDRESS)),
  )
  .addOption(capacityOption('flows', DEFAULT_OPTIONS.flows))
  .addOption(capacityOption('processes', DEFAULT_OPTIONS.processes))
  .addOption(confirmOption('auto'))
  .addOption(latencyOption())
  .option('--once', 'attach, print the metrics once and exit: does it work here?')
  .addHelpText(
    'after',
    '\nExamples:\n  spillway run\n  spillway run --web.listen-address 127.0.0.1:9999 --flows 200000',
  )
  .action((flags: RunFlags) => (flags.once === true ? once(flags) : serve(flags)));

/** Serves until a signal says to stop. The port is taken first: a second agent ends before it loads anything. */
async function serve(flags: RunFlags): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  let kernel: Kernel | null = null;
  const source: Source = {
    snapshot: () => {
      if (kernel === null) throw new Error('the probes are not attached yet');
      return kernel.snapshot();
    },
    ready: () => kernel !== null,
    build: build(),
    log,
  };
  const server = await startServer(source, flags['web.listenAddress'], stop.signal);
  try {
    kernel = startKernel(options(flags));
    announce(kernel, server.url);
    await new Promise<void>((resolve) => {
      if (stop.signal.aborted) resolve();
      else stop.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    log('info', 'stopping');
  } finally {
    await server.close();
    kernel?.close();
  }
}

async function once(flags: RunFlags): Promise<void> {
  const kernel = startKernel(options(flags));
  try {
    const began = performance.now();
    const snapshot = kernel.snapshot();
    const seconds = (performance.now() - began) / 1000;
    await write(new Exporter(build(), DEFAULT_LIMITS).render(snapshot, { seconds, success: true }));
  } finally {
    kernel.close();
  }
}

const options = ({ flows, processes, confirm, latency }: RunFlags): KernelOptions => ({
  ...DEFAULT_OPTIONS,
  flows,
  processes,
  confirm,
  latency: latency === true,
});

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
  }
  log('info', `metrics are at ${url}/metrics, an overview is at ${url}/`);
  log('info', 'to look at one command: spillway stat -- COMMAND');
}

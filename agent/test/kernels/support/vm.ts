/** Machines with kernels of Debian's: scripts/vm, which tells what each option means. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Machine {
  /** A name of `scripts/fetch-kernel --list`. */
  readonly kernel: string;
  /** With systemd as the first process; without, the command is alone. */
  readonly systemd?: boolean;
  /** With this checkout, built, at the same path and as the working directory. */
  readonly checkout?: boolean;
  /** What this directory holds is in /in. */
  readonly input?: string;
  /** Further words of the kernel's command line. */
  readonly append?: string;
  readonly cpus?: number;
  readonly timeoutSeconds?: number;
}

export interface Outcome {
  /** That of the command, or 125 if the machine ended without one. */
  readonly code: number;
  /** Both outputs of the command. */
  readonly output: string;
  /** What the script itself said, e.g. the end of the kernel's messages. */
  readonly stderr: string;
  /** Text of a file that the command left in /out; null if there is none. */
  file(name: string): string | null;
}

/** A machine that boots anew for each command, the same each time. */
export function boot(machine: Machine): { run(command: string): Promise<Outcome> } {
  return {
    run: async (command) => {
      const outcome = await once(machine, command);
      return diedOfEmulation(outcome) ? once(machine, command) : outcome;
    },
  };
}

/**
 * One emulated machine in some hundred does: in its first seconds, or when one of its processors runs code that another one
 * patches (text_poke_bp(), as for each tracepoint that is attached), and finds the breakpoint that the kernel has taken away again.
 */
const diedOfEmulation = ({ code, output, stderr }: Outcome): boolean =>
  code === 125 && (output === '' || /\bint3: 0000 /.test(stderr));

function once(machine: Machine, command: string): Promise<Outcome> {
  const out = mkdtempSync(join(tmpdir(), 'spillway-vm-'));
  const args = ['--kernel', machine.kernel, '--out', out];
  if (machine.systemd === true) args.push('--systemd');
  if (machine.checkout === true) args.push('--checkout');
  if (machine.input !== undefined) args.push('--in', machine.input);
  if (machine.append !== undefined) args.push('--append', machine.append);
  if (machine.cpus !== undefined) args.push('--cpus', String(machine.cpus));
  if (machine.timeoutSeconds !== undefined) args.push('--timeout', String(machine.timeoutSeconds));
  return new Promise((resolve, reject) => {
    const child = spawn(join(ROOT, 'scripts/vm'), [...args, '--', command], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { output: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
    child.once('error', reject);
    child.once('close', (code) => {
      const files = new Map(readdirSync(out).map((name) => [name, readFileSync(join(out, name), 'utf8')]));
      rmSync(out, { recursive: true, force: true });
      resolve({ ...said, code: code ?? 125, file: (name) => files.get(name) ?? null });
    });
  });
}

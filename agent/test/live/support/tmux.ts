/** A real terminal with a program in it: tmux, with a server of its own for each. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from './kernel.ts';
import { temporaryDirectory } from './run.ts';

export interface Screen {
  /** The lines as they are shown now, without spaces at their ends. */
  lines(): string[];
  /** The same with the escapes of colours and attributes. */
  painted(): string;
  /** Presses keys as tmux names them (`Enter`, `C-c`), or types a text. */
  keys(...keys: string[]): void;
  resize(columns: number, rows: number): void;
  /** A variable of tmux: `alternate_on`, `cursor_flag`, ... */
  state(variable: string): string;
  /** How the command ended, as its shell says it; '' while it runs. tmux sometimes loses what it is told itself. */
  exitStatus(): string;
  /** Waits until the screen shows something. */
  shows(pattern: RegExp): Promise<void>;
}

/** Starts a shell command in a terminal of that size. */
export function startScreen(command: string, columns = 80, rows = 24): Screen {
  const directory = temporaryDirectory();
  const socket = join(directory, 'tmux');
  const ended = join(directory, 'ended');
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8', env: environment() });
  onTestFinished(() => {
    tmux('kill-server');
  });
  const size = ['-x', String(columns), '-y', String(rows)];
  // a session of its own keeps the server when the program has ended
  tmux('new-session', '-d', '-s', 'keep', 'sleep 600');
  tmux('new-session', '-d', '-s', 'screen', ...size, `${command}; echo $? > ${ended}`);
  tmux('set-option', '-g', 'window-size', 'manual');
  tmux('set-option', '-g', 'remain-on-exit', 'on');
  const lines = () => tmux('capture-pane', '-p', '-t', 'screen').replace(/\n$/, '').split('\n');
  return {
    lines,
    painted: () => tmux('capture-pane', '-p', '-e', '-t', 'screen'),
    keys: (...keys) => void tmux('send-keys', '-t', 'screen', ...keys),
    resize: (width, height) => void tmux('resize-window', '-t', 'screen', '-x', String(width), '-y', String(height)),
    state: (variable) => tmux('display-message', '-p', '-t', 'screen', `#{${variable}}`).trim(),
    exitStatus: () => (existsSync(ended) ? readFileSync(ended, 'utf8').trim() : ''),
    shows: async (pattern) => {
      try {
        await until(() => pattern.test(lines().join('\n')));
      } catch (error) {
        throw new Error(`${pattern.source} is not shown:\n${lines().join('\n')}`, { cause: error });
      }
    },
  };
}

/** That of the tests, but for what says that there is no colour. */
function environment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, TERM: 'xterm-256color' };
  delete environment.NO_COLOR;
  return environment;
}

/** What of firing alerts outlives the agent: one file, always whole. */
import { join } from 'node:path';
import type { Incident } from './incident.ts';
import type { Rule, Subject } from './rule.ts';

/**
 * How far the receivers were told. `firing`: the trigger may not be queued yet. `triggered`: it is, and stays there until it is
 * delivered. `resolving`: the resolve may not be queued yet.
 */
export type Phase = 'firing' | 'triggered' | 'resolving';

/** A firing alert as it is on disk. */
export interface KnownAlert {
  readonly phase: Phase;
  readonly rule: Rule;
  readonly subject: Subject;
  /** Without the evidence. */
  readonly incident: Incident;
}

/** What of the file system is needed. */
export interface StateFs {
  /** @throws NodeJS.ErrnoException */
  read(path: string): Promise<string>;
  /** With the directories above it. */
  makeDirectory(path: string): Promise<void>;
  /** All of it is on disk when it resolves. */
  write(path: string, text: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** What was renamed in a directory is on disk when it resolves. */
  sync(directory: string): Promise<void>;
}

const FILE = 'alerts.json';
const VERSION = 1;

export class AlertState {
  readonly #directory: string;
  readonly #fs: StateFs;

  constructor(directory: string, fs: StateFs) {
    this.#directory = directory;
    this.#fs = fs;
  }

  /** What a former run left; nothing if there is none. @throws Error that says what to do if it cannot be used */
  async load(): Promise<KnownAlert[]> {
    const file = join(this.#directory, FILE);
    let text: string;
    try {
      text = await this.#fs.read(file);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      if (code === 'ENOENT') return [];
      throw new Error(`${file}: ${code}; incidents of the former run are not resolved by this one`, { cause: error });
    }
    try {
      const { version, alerts } = JSON.parse(text) as { version: unknown; alerts: unknown };
      if (version !== VERSION || !Array.isArray(alerts)) throw new Error('it is of another version');
      return (alerts as unknown[]).filter(isWhole);
    } catch (error) {
      await this.#fs.rename(file, `${file}.bad`).catch(() => undefined);
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`${file} cannot be used (${why}) and was set aside as ${FILE}.bad`, { cause: error });
    }
  }

  /** @throws what the disk says; then the former state stands */
  async save(alerts: readonly KnownAlert[]): Promise<void> {
    const file = join(this.#directory, FILE);
    await this.#fs.makeDirectory(this.#directory);
    await this.#fs.write(`${file}.tmp`, `${JSON.stringify({ version: VERSION, alerts })}\n`);
    await this.#fs.rename(`${file}.tmp`, file);
    await this.#fs.sync(this.#directory);
  }
}

function isWhole(value: unknown): value is KnownAlert {
  const alert = value as Partial<KnownAlert> | null;
  return (
    typeof alert === 'object' &&
    alert !== null &&
    ['firing', 'triggered', 'resolving'].includes(alert.phase ?? '') &&
    typeof alert.rule?.name === 'string' &&
    typeof alert.incident?.dedupKey === 'string' &&
    typeof alert.incident.firedAtMs === 'number'
  );
}

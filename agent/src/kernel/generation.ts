/**
 * Tables that outlive the agent belong to a generation of the programs, which counts into them. Pure: what an agent does with the
 * generation that it finds.
 */
import type { Layout } from '../abi/generate.ts';
import type { HookKind } from './hooks.ts';

/** What a generation is made of, as it is kept beside it. */
export interface Identity {
  readonly schema: 1;
  /** The generation that made the tables. */
  readonly tables: number;
  /** Of what this agent would write itself: see layoutHash(). */
  readonly layoutHash: string;
  /** For an agent that reads other layouts. */
  readonly layout: Layout;
  /** SHA-256 of the BPF object. */
  readonly object: string;
  /** Of the tables that are shared, by name. */
  readonly capacities: Readonly<Record<string, number>>;
  /** What else the programs were to be loaded with. */
  readonly options: string;
  /** Where they are attached. */
  readonly hooks: HookKind;
  /** Programs that could not be attached: trying again may help. */
  readonly unattached: readonly string[];
}

/**
 * `adopt`: the same programs: they go on as they are. `reuse`: other programs for the same tables. `import`: other tables, into which
 * the sums of the old ones are carried over.
 */
export type Takeover = 'adopt' | 'reuse' | 'import';

/** What to do with the generation that is found. */
export function takeoverOf(found: Identity, wanted: Identity): Takeover {
  const sameTables =
    found.layoutHash === wanted.layoutHash &&
    Object.entries(wanted.capacities).every(([name, n]) => found.capacities[name] === n);
  if (!sameTables) return 'import';
  return found.object === wanted.object && found.options === wanted.options && found.unattached.length === 0
    ? 'adopt'
    : 'reuse';
}

/** @throws Error if it is none that this agent can read */
export function parseIdentity(text: string): Identity {
  const identity = JSON.parse(text) as Partial<Identity> | null;
  if (identity?.schema !== 1) throw new Error(`its identity has schema ${String(identity?.schema)}, not 1`);
  for (const key of [
    'tables',
    'layoutHash',
    'layout',
    'object',
    'capacities',
    'options',
    'hooks',
    'unattached',
  ] as const) {
    if (identity[key] === undefined) throw new Error(`its identity has no ${key}`);
  }
  return identity as Identity;
}

/** Which kernels the tests run on, and where they write down what they found. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './vm.ts';

/** All that scripts/fetch-kernel knows and the agent is for, or those of SPILLWAY_KERNELS. */
export const KERNELS: readonly string[] = (process.env.SPILLWAY_KERNELS ?? '6.1 6.12 7 next').split(' ');

/** Where a kernel is one of those that were asked for. */
export const isWanted = (kernel: string): boolean =>
  process.env.SPILLWAY_KERNELS === undefined || KERNELS.includes(kernel);

/** A test of the project's own that was run in a machine. */
export interface Test {
  readonly name: string;
  readonly status: string;
  readonly seconds: number;
  readonly why: string;
}

/** What reporter.ts writes. */
export type Line = Test | { readonly ended: true; readonly why: string };

/** Where scripts/generate-kernels.ts finds what the tests found. */
const RESULTS = join(ROOT, 'build/kernels/results');

/** Writes down what a test found of a kernel. */
export function record(kernel: string, part: string, found: unknown): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${kernel}.${part}.json`), `${JSON.stringify(found, null, 2)}\n`);
}

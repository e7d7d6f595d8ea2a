import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type ConfigValues, valuesOf } from '../../src/config/config.ts';
import { configurationMarkdown } from '../../src/config/docs.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { EAGAIN, FALLBACK, parse } from './support.ts';

const fileOf = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const packaged = readFileSync(fileOf('packaging/config.yaml'), 'utf8');
/** With everything that a bare # comments out. */
const uncommented = packaged.replace(/^#(?=[^ \n]| {2})/gm, '');

it('docs/configuration.md is what the schema says (vitest --update=all writes it)', async () => {
  await expect(configurationMarkdown()).toMatchFileSnapshot(fileOf('docs/configuration.md'));
});

it('the example of docs/configuration.md is good', () => {
  const example = /```yaml\n([^`]*)```/.exec(configurationMarkdown())?.[1] ?? '';
  expect(parse(example).alerts.rules.map(({ name }) => name)).toEqual([FALLBACK.name, EAGAIN.name, 'SpliceErrors']);
});

/** What a service wants, and who tries the agent from a checkout does not expect. */
const PACKAGED: Partial<ConfigValues> = { persist: true };

it('the packaged configuration keeps counts over restarts, and changes nothing else', () => {
  expect(parse(packaged)).toEqual({ ...parse(''), ...PACKAGED });
});

it('the packaged configuration shows every key, with its default where it has one', () => {
  const shown: Partial<ConfigValues> = valuesOf(parse(uncommented));
  for (const [key, { default: standard }] of Object.entries(SETTINGS)) {
    if (key === 'alerts.rules') continue;
    const value = shown[key as keyof ConfigValues];
    if (standard === null) expect(value, key).not.toBeNull();
    else if (!(key in PACKAGED)) expect(value, key).toEqual(standard);
    expect(packaged, key).toMatch(new RegExp(`^#? *${key.split('.').at(-1) ?? ''}:`, 'm'));
  }
});

it('the packaged configuration shows how rules are changed and added', () => {
  const [fallback, eagain, ...added] = parse(uncommented).alerts.rules;
  expect(fallback).toEqual({ ...FALLBACK, condition: { ...FALLBACK.condition, above: 0.02, clear: 0.01 } });
  expect(eagain).toEqual(EAGAIN);
  expect(added.map(({ name }) => name)).toEqual(['SpliceErrors']);
});

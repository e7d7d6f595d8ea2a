import { Script } from 'node:vm';
import { expect, it } from 'vitest';
import { live, SCRIPT } from '../../../src/web/page/live.ts';
import { element, html, type Markup } from '../../../src/web/page/markup.ts';
import { STYLE } from '../../../src/web/page/style.ts';
import { PAGE_POLICY, statusPage, updateOf } from '../../../src/web/page.ts';
import { firingOf, viewOf } from '../../support/alerts.ts';
import { programOf, snapshotOf } from '../../support/snapshots.ts';
import { busyView, HOSTILE, IDENTITY, viewOfSnapshots } from './views.ts';

/** Line by line, so that a change can be read. */
const lines = (document: string): string =>
  document.replaceAll(/(?=<(?:section|h2|tr|li|figure|svg|p|header|footer|main|dt)\b)/g, '\n');

it('is the document that was looked at', async () => {
  await expect(lines(statusPage(IDENTITY, busyView()))).toMatchFileSnapshot('golden/busy.txt');
});

it('of a host on which nothing has happened says so', async () => {
  await expect(lines(statusPage(IDENTITY, viewOfSnapshots([snapshotOf()])))).toMatchFileSnapshot('golden/quiet.txt');
});

it('before anything is attached says that, and has a place for every part that will come', () => {
  const page = statusPage(IDENTITY, null);
  expect(page).toContain('Not ready yet: programs are being attached.');
  for (const [id] of updateOf(IDENTITY, busyView()).parts)
    expect(page).toMatch(new RegExp(`<(?:section|p) id="${id}"`));
});

it('an update is what the document has, part by part', () => {
  const view = busyView();
  const page = statusPage(IDENTITY, view);
  const { parts, title, news } = updateOf(IDENTITY, view);
  for (const [, part] of parts) expect(page).toContain(html(part));
  expect(page).toContain(`<title>${title}</title>`);
  expect(title).toBe('(1) spillway on web-1');
  expect(news).toBe('An alert fires: SendfileFallback, nginx (nginx.service)');
});

it('an alert that fires is shown before its incident is open, once', () => {
  const subject = { unit: 'a.service', comm: 'a' };
  const status = {
    rule: 'R',
    subject,
    state: 'firing',
    value: 0.25,
    threshold: 0.005,
    severity: 'error',
    since: 1,
  } as const;
  const shown = (firing: ReturnType<typeof firingOf>[]) =>
    html(
      updateOf(IDENTITY, viewOfSnapshots([snapshotOf()], { alerts: viewOf({ statuses: [status], firing }) }))
        .parts[1]?.[1] ?? '',
    );
  expect(shown([]).match(/<li/g)).toHaveLength(1);
  expect(shown([])).toContain('0.25 is above 0.005');
  expect(shown([firingOf({ rule: 'R', subject })]).match(/<li/g)).toHaveLength(1);
});

it('texts of others are text, wherever they stand', () => {
  const page = statusPage(
    { build: { version: HOSTILE, revision: HOSTILE, kernel: HOSTILE }, host: HOSTILE },
    viewOfSnapshots(
      [
        snapshotOf({
          processes: [{ pid: 1, unit: HOSTILE, comm: HOSTILE, counters: { sendfile: { refused: 1, presumed: 1 } } }],
          causes: [
            {
              refused: 'sink_append',
              process: 0,
              culprit: { type: 'file', filesystem: HOSTILE, name: HOSTILE, flags: [HOSTILE] },
            },
          ],
          programs: [programOf({ name: HOSTILE, hook: HOSTILE, reason: HOSTILE, state: 'unavailable' })],
        }),
      ],
      {
        alerts: viewOf({
          firing: [firingOf({ rule: HOSTILE, summary: HOSTILE, subject: { unit: HOSTILE, comm: HOSTILE } })],
        }),
      },
    ),
  );
  // how often the names stand there, and not once as anything but text
  expect(page.match(/&lt;script&gt;x\(\)/g)?.length).toBeGreaterThan(15);
  expect(page.match(/<script[^>]*>/g)).toEqual(['<script src="/page/live.js" defer>']);
  expect(page).not.toMatch(/<img|"'|[\u202e\ud800]/);
  expect(page).toContain('\\u{202e}');
});

it('every heading, table and region can be found by name', () => {
  const page = statusPage(IDENTITY, busyView());
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [, id] of page.matchAll(/aria-labelledby="([^"]+)"/g)) expect(ids).toContain(id);
  for (const [svg] of page.matchAll(/<svg[^>]*>/g)) expect(svg).toMatch(/role="img" aria-label="[^"]+"/);
  expect(page.match(/<th /g)?.length).toBe(page.match(/<th scope="(?:row|col)"/g)?.length);
  expect(page).toMatch(/role="status" aria-live="polite"/);
  // nothing moves, for whoever has asked for less motion or not
  expect(STYLE).not.toMatch(/animation|transition|scroll-behavior/);
  for (const landmark of ['<header', '<main', '<nav', '<footer']) expect(page).toContain(landmark);
});

it('loads nothing from elsewhere, and runs nothing that stands in it', () => {
  const page = statusPage(IDENTITY, busyView());
  for (const [, address] of page.matchAll(/(?:href|src)="([^"]*)"/g)) expect(address).toMatch(/^[/#][a-z-]/i);
  expect(page).not.toMatch(/ style=| on[a-z]+=|<style/);
  expect(STYLE).not.toMatch(/url\(|@import/);
  expect(PAGE_POLICY).not.toMatch(/unsafe|http|\*/);
});

it('the script is whole by itself', () => {
  // nothing of this module, and nothing that the build or the test puts in
  expect(SCRIPT).not.toMatch(/__vite|__name|import\b/);
  expect(() => new Script(SCRIPT)).not.toThrow();
  expect(live).toHaveLength(1);
});

it.each<[Markup, string]>([
  [element('p', {}, 'a', 1, null, [['b', null, element('i', {}, '<')], ['c']]), '<p>a1b<i>&lt;</i>c</p>'],
  [element('p', { title: '"><' }, ''), '<p title="&quot;&gt;&lt;"></p>'],
  [element('p', {}, ['a', null]), '<p>a</p>'],
  [element('p', {}, ['a', ['b']]), '<p>ab</p>'],
])('markup %#', (markup, expected) => {
  expect(html(markup)).toBe(expected);
});

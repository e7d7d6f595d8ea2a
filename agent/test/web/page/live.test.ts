/** What is sent of a change, and that the page's script makes of it what the document would have. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { changeOf } from '../../../src/web/page/change.ts';
import { live } from '../../../src/web/page/live.ts';
import type { Attributes, Markup } from '../../../src/web/page/markup.ts';
import { updateAfter, updateOf, type View } from '../../../src/web/page.ts';
import { snapshotOf } from '../../support/snapshots.ts';
import { busyHost } from './busy-host.ts';
import { asHtml, fakeBrowser, type FakeNode } from './document.ts';
import { busyView, IDENTITY, viewOfSnapshots } from './views.ts';

const PLACES: readonly Markup[] = ['stream', 'news'].map((id) => ['p', { id }]);
const [BUSY, QUIET] = [busyView(), viewOfSnapshots([snapshotOf()])];
const ANY = updateOf(IDENTITY, QUIET);
const BUILD = ANY.build;

/** A page that stands, with a place for each part. */
function watched() {
  const parts: Markup[] = updateOf(IDENTITY, QUIET).parts.map(([, part]) => part);
  const fake = fakeBrowser([...PLACES, ...parts], BUILD);
  live(fake.browser);
  return fake;
}

const shown = (body: FakeNode, id: string): string => asHtml(body.find(id)?.markup ?? '');

function expectShows(body: FakeNode, view: View): void {
  for (const [id, part] of updateOf(IDENTITY, view).parts) expect(shown(body, id)).toBe(asHtml(part));
}

it('a page that goes on from change to change is the page as it would be sent whole', () => {
  const { body, streams } = watched();
  const views = [
    BUSY,
    QUIET,
    BUSY,
    viewOfSnapshots([0, 1, 2].map(busyHost)),
    viewOfSnapshots([0, 1, 2, 3].map(busyHost)),
  ];
  let before = updateOf(IDENTITY, BUSY);
  views.forEach((view, i) => {
    const now = updateOf(IDENTITY, view);
    const update = i === 0 ? now : updateAfter(String(i - 1), before, now);
    streams[0]?.tell('message', JSON.stringify(update), String(i));
    expectShows(body, view);
    before = now;
  });
  expect(streams).toHaveLength(1);
});

it('nothing is sent of what stays', () => {
  const update = updateOf(IDENTITY, BUSY);
  expect(updateAfter('1', update, updateOf(IDENTITY, busyView()))).toEqual({ ...update, after: '1', parts: [] });
});

it('a change of what it does not have is not made: it asks anew, and gets all', () => {
  const { body, streams } = watched();
  const [busy, quiet] = [updateOf(IDENTITY, BUSY), updateOf(IDENTITY, QUIET)];
  streams[0]?.tell('message', JSON.stringify(busy), '1');
  streams[0]?.tell('message', JSON.stringify(updateAfter('2', busy, quiet)), '3');
  expectShows(body, BUSY);
  expect(streams.map(({ closed }) => closed)).toEqual([true, false]);
  streams[1]?.tell('message', JSON.stringify(quiet), '3');
  expectShows(body, QUIET);
  streams[1]?.tell('message', JSON.stringify(updateAfter('3', quiet, busy)), '4');
  expectShows(body, BUSY);
});

it('a page of another agent is loaded anew', () => {
  const fake = watched();
  fake.streams[0]?.tell('message', JSON.stringify({ ...updateOf(IDENTITY, BUSY), build: 'another' }), '1');
  expect(fake.reloads).toBe(1);
  expectShows(fake.body, QUIET);
});

it('a change brings in nothing that runs, and no address elsewhere', () => {
  const { body, streams } = watched();
  const hostile = { onclick: 'x()', style: 'x', href: 'https://evil.example/', class: 'a' };
  const whole = updateOf(IDENTITY, QUIET);
  streams[0]?.tell('message', JSON.stringify(whole), '1');
  const parts = [['state', { a: hostile, c: { 0: ['script', {}, 'x()'], 1: ['a', hostile] }, n: 2 }]];
  streams[0]?.tell('message', JSON.stringify({ ...whole, after: '1', parts }), '2');
  expect(shown(body, 'state')).toBe('<p class="a" id="state"><a class="a"></a></p>');
});

const attributes: fc.Arbitrary<Attributes> = fc.dictionary(
  fc.constantFrom('class', 'title', 'd'),
  fc.constantFrom('1', '2', ''),
  {
    maxKeys: 2,
  },
);
const { markup } = fc.letrec<{ markup: Markup }>((tie) => ({
  markup: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'b'),
    fc
      .tuple(fc.constantFrom('p', 'span', 'g'), attributes, fc.array(tie('markup'), { maxLength: 4 }))
      .map(([name, attributes, children]): Markup => [name, attributes, ...children]),
  ),
}));

it('of any two states the change makes one out of the other', () => {
  fc.assert(
    fc.property(markup, markup, (before, after) => {
      const part = (child: Markup): Markup => ['section', { id: 'x' }, child];
      const change = changeOf(part(before), part(after));
      const update = { ...ANY, parts: change === null ? [] : [['x', change]] };
      expect(applied(before, update)).toBe(asHtml(part(after)));
    }),
    { numRuns: 500 },
  );
});

function applied(before: Markup, update: object): string {
  const { body, browser, streams } = fakeBrowser([...PLACES, ['section', { id: 'x' }, before]], BUILD);
  live(browser);
  streams[0]?.tell('message', JSON.stringify(update), '1');
  return shown(body, 'x');
}

it('of a busy host a second is a small part of the page', () => {
  const seconds = Array.from({ length: 330 }, (_, second) => busyHost(second));
  const updates = [1, 0].map((less) => updateOf(IDENTITY, viewOfSnapshots(seconds.slice(0, seconds.length - less))));
  const [before, now] = updates;
  if (before === undefined || now === undefined) throw new Error('none');
  const whole = JSON.stringify(now).length;
  const { parts } = updateAfter('1', before, now);
  // every figure of every row is new, and charts have one second more
  expect(parts.map(([id]) => id)).toEqual(['now', 'why', 'workloads', 'mechanisms', 'flows', 'rings']);
  expect(JSON.stringify(parts).length).toBeLessThan(whole / 6);
  const charts = (all: typeof parts) => JSON.stringify(all.find(([id]) => id === 'now')).length;
  expect(charts(parts)).toBeLessThan(charts(now.parts) / 20);
});

import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import * as realDisk from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Entry, Store } from '../../../src/alerts/store.ts';
import { decodeStored, encodeStored, MAX_FILE_BYTES, type StoredEvent } from '../../../src/alerts/stored-event.ts';
import { DIRECTORY, FakeDisk, FakeReceiver, lifeOn, NOON, REFUSED, resolve, SENT, settle, trigger } from './support.ts';

const storedOf = (changes: Partial<StoredEvent> = {}): StoredEvent => ({
  event: trigger('a'),
  queuedAtMs: NOON,
  opening: true,
  receiver: null,
  absorbs: [],
  members: null,
  ...changes,
});

function storeOn(disk: FakeDisk): { readonly store: Store; readonly lines: string[] } {
  const lines: string[] = [];
  return { store: new Store(disk, (level, message) => void lines.push(`${level}: ${message}`), DIRECTORY), lines };
}

const good = encodeStored(storedOf());

describe('files', () => {
  it('come back in their order, with what is done', async () => {
    const disk = new FakeDisk();
    const { store } = storeOn(disk);
    expect(await store.open()).toEqual([]);
    const entries: Entry[] = [];
    for (let i = 0; i < 12; i++) {
      entries.push(
        (await store.add(storedOf({ event: trigger(`k${String(i)}`), absorbs: [i], members: ['m'] }))).entry,
      );
    }
    const [first, second] = entries;
    if (first === undefined || second === undefined) throw new Error('none');
    await store.remove(first);
    await store.mark(second, 'webhook', 'tried');
    await store.mark(second, 'pager_duty2', 'done');
    await store.mark(second, 'webhook', 'done');
    expect(disk.names()[0]).toBe('000000000002.pager_duty2-done.webhook-done.json');
    const again = storeOn(disk);
    const loaded = await again.store.open();
    expect(loaded).toEqual(entries.slice(1));
    expect(again.lines).toEqual([]);
    // numbers go on
    expect((await again.store.add(storedOf())).entry.sequence).toBe(13);
  });

  it.each([
    ['no JSON', '{"version":1,'],
    ['half a file', good.slice(0, good.length / 2)],
    ['nothing', ''],
    ['zeros', '\0'.repeat(100)],
    ['another version', good.replace('"version":1', '"version":2')],
    ['no version', good.replace('"version":1,', '')],
    ['another shape', '[]'],
    ['no event', good.replace('"event"', '"evnt"')],
    ['another action', good.replace('"action":"trigger"', '"action":"acknowledge"')],
    ['no key', good.replace('"dedupKey":"a"', '"dedupKey":""')],
    ['another severity', good.replace('"severity":"error"', '"severity":"bad"')],
    ['a time that is none', good.replace(`"firedAtMs":${String(NOON)}`, '"firedAtMs":1e300')],
    ['links that are none', good.replace('"links":[]', '"links":[{"href":1}]')],
    ['details that are none', good.replace('"details":{}', '"details":[]')],
    ['numbers that are none', good.replace('"absorbs":[]', '"absorbs":[0.5]')],
    ['members that are none', good.replace('"members":null', '"members":[1]')],
  ])('with %s are set aside and counted, by name, and stop nothing', async (_what, text) => {
    expect(text).not.toBe(good);
    const disk = new FakeDisk();
    disk.put('000000000001.json', text);
    disk.put('000000000002.json', good);
    const { store, lines } = storeOn(disk);
    expect((await store.open()).map(({ sequence }) => sequence)).toEqual([2]);
    expect(disk.names()).toEqual(['000000000001.json.bad', '000000000002.json']);
    expect(disk.files.get('000000000001.json.bad')?.text).toBe(text);
    expect(store.setAside).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`error: outbox: ${DIRECTORY}/000000000001.json is set aside as 000000000001.json.bad: `);
  });

  it.each(['1.json', 'alerts.json', '000000000001.pagerduty-gone.json', '000000000001.x.json', '0000000000001.json'])(
    'called %s are set aside',
    async (name) => {
      const disk = new FakeDisk();
      disk.put(name, good);
      const { store } = storeOn(disk);
      expect(await store.open()).toEqual([]);
      expect(disk.names()).toEqual([`${name}.bad`]);
    },
  );

  it('whatever bytes they hold, reading ends in an event or in a file set aside', () => {
    const damaged = fc
      .tuple(fc.nat(good.length), fc.nat(20), fc.string())
      .map(([at, length, text]) => good.slice(0, at) + text + good.slice(at + length));
    fc.assert(
      fc.property(damaged, (text) => {
        try {
          expect(decodeStored(encodeStored(decodeStored(text)))).toEqual(decodeStored(text));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).message).toMatch(/^(no object|of another version|wrong: |no JSON)/);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('that were being written are removed, others are left alone', async () => {
    const disk = new FakeDisk();
    disk.put('000000000001.json.tmp', good.slice(0, 9));
    disk.put('README', 'hello');
    const { store, lines } = storeOn(disk);
    expect(await store.open()).toEqual([]);
    expect(disk.names()).toEqual(['README']);
    expect(lines).toEqual([]);
  });

  it('set aside are kept, the newest twenty', async () => {
    const disk = new FakeDisk();
    for (let i = 10; i < 40; i++) disk.put(`0000000000${String(i)}.json.bad`, 'x');
    const { store } = storeOn(disk);
    await store.open();
    expect(disk.names()).toHaveLength(20);
    expect(disk.names()[0]).toBe('000000000020.json.bad');
  });

  it('that would be too large are written without details', async () => {
    const disk = new FakeDisk();
    const { store } = storeOn(disk);
    await store.open();
    await store.add(storedOf({ event: trigger('a', { details: { text: 'x'.repeat(MAX_FILE_BYTES) } }) }));
    const [entry] = await storeOn(disk).store.open();
    expect(entry?.stored.event.incident.details.note).toMatch(/^left out: 1\d{6} bytes$/);
  });

  it('that could not be read again are not written', async () => {
    const disk = new FakeDisk();
    const { store, lines } = storeOn(disk);
    await store.open();
    const added = await store.add(storedOf({ event: trigger('a', { threshold: NaN }) }));
    expect(added.durable).toBe(false);
    expect(disk.names()).toEqual([]);
    expect(lines[0]).toContain('wrong: event.incident.threshold');
  });
});

describe('a disk that fails', () => {
  it.each(['mkdir', 'readdir'])(
    'at %s: events are delivered from memory, and files are not overwritten',
    async (operation) => {
      const disk = new FakeDisk();
      disk.put('000000000001.json', good);
      disk.failing = (_i, name) => (name === operation ? 'EIO' : null);
      const receiver = new FakeReceiver();
      const { outbox, lines } = lifeOn(disk, [receiver]);
      await outbox.start();
      expect(await outbox.enqueue(trigger('b'))).toBe(false);
      await settle();
      expect(receiver.texts).toEqual(['trigger b']);
      expect(disk.names()).toEqual(['000000000001.json']);
      expect(outbox.stats().undurable).toBe(1);
      expect(lines).toEqual([
        `error: outbox: ${DIRECTORY}: EIO; notifications do not survive a restart`,
        expect.stringContaining('the event is lost if the agent ends now'),
      ]);
    },
  );

  it('because it is full: events are delivered from memory, and no half of one stays', async () => {
    const disk = new FakeDisk();
    const receiver = new FakeReceiver();
    receiver.answer = () => REFUSED;
    const { outbox, clock, lines } = lifeOn(disk, [receiver]);
    await outbox.start();
    disk.failing = (_i, name) => (name.startsWith('write ') ? 'ENOSPC' : null);
    expect(await outbox.enqueue(trigger('a'))).toBe(false);
    expect(disk.names()).toEqual([]);
    expect(lines[0]).toBe(
      `error: outbox: write ${DIRECTORY}/000000000001.json: ENOSPC; the event is lost if the agent ends now`,
    );
    receiver.answer = () => SENT;
    disk.failing = () => null;
    expect(await outbox.enqueue(trigger('b'))).toBe(true);
    await clock.advance(60_000);
    expect(receiver.texts.sort()).toEqual(['trigger a', 'trigger b']);
  });

  it('at chmod or at one file only: the rest goes on', async () => {
    const disk = new FakeDisk();
    disk.put('000000000001.json', good);
    disk.put('000000000002.json', good);
    disk.failing = (_i, name) => (['chmod', 'read 000000000001.json'].includes(name) ? 'EACCES' : null);
    const { store, lines } = storeOn(disk);
    expect(await store.open()).toHaveLength(1);
    expect(lines).toEqual([
      `warning: outbox: chmod 0700 ${DIRECTORY}: EACCES; others may read what it holds`,
      `error: outbox: ${DIRECTORY}/000000000001.json is set aside as 000000000001.json.bad: EACCES`,
    ]);
  });

  it('to remove a trigger keeps its resolve too: one must not come back without the other', async () => {
    const disk = new FakeDisk();
    const receiver = new FakeReceiver();
    const { outbox } = lifeOn(disk, [receiver]);
    await outbox.start();
    disk.failing = (_i, name) => (name.startsWith('unlink 000000000001') ? 'EIO' : null);
    await outbox.enqueue(trigger('a'));
    await settle();
    await outbox.enqueue(resolve('a'));
    await outbox.enqueue(trigger('b'));
    await settle();
    expect(receiver.texts).toEqual(['trigger a', 'resolve a', 'trigger b']);
    expect(disk.names().map((name) => name.slice(0, 12))).toEqual(['000000000001', '000000000002']);
    // makes up for it as soon as it can
    disk.failing = () => null;
    await outbox.enqueue(trigger('a'));
    await settle();
    expect(disk.names()).toEqual([]);
  });
});

describe('on a real file system', () => {
  it('modes, a directory and a link where a file should be, and one event through it all', async () => {
    const directory = join(await mkdtemp(join(tmpdir(), 'spillway-store-')), 'var', 'outbox');
    await mkdir(directory, { recursive: true, mode: 0o755 });
    await mkdir(join(directory, '000000000001.json'));
    await symlink('/dev/zero', join(directory, '000000000002.json'));
    await writeFile(join(directory, '000000000003.json'), Buffer.from([0xff, 0xfe, 0x80]));
    await writeFile(join(directory, '000000000005.json'), 'x'.repeat(2 * MAX_FILE_BYTES + 1));
    const lines: string[] = [];
    const log = (level: string, message: string) => void lines.push(`${level}: ${message}`);
    const store = new Store(realDisk, log, directory);
    expect(await store.open()).toEqual([]);
    expect(store.setAside).toBe(4);
    expect(lines.map((line) => line.replace(/.*: /, ''))).toEqual([
      'no file',
      'no file',
      'no JSON, or only half of it',
      'too large',
    ]);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    const { entry, durable } = await store.add(storedOf());
    expect(durable).toBe(true);
    await store.mark(entry, 'pagerduty', 'tried');
    const name = '000000000001.pagerduty-tried.json';
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    expect(await new Store(realDisk, log, directory).open()).toEqual([entry]);
    await store.remove(entry);
    expect((await readdir(directory)).every((left) => left.endsWith('.bad'))).toBe(true);
    await rm(join(directory, '..', '..'), { recursive: true });
  });
});

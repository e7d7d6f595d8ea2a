import { describe, expect, test } from 'vitest';
import { clientOf, type Connection, Connections } from '../../src/web/connections.ts';

let cut: string[] = [];
const of = (client: string, name: string): Connection => ({ client, cut: () => cut.push(name) });
const full = (limit: number, ...names: string[]) => {
  cut = [];
  const connections = new Connections(limit, 100);
  const all = names.map((name) => of(name.slice(0, 1), name));
  for (const each of all) connections.add(each);
  return { connections, all };
};

describe('too many', () => {
  test('cost the one that is quiet for longest', () => {
    const { connections } = full(3, 'a1', 'a2', 'a3', 'a4', 'a5');
    expect([cut, connections.count]).toEqual([['a1', 'a2'], 3]);
  });

  test('cost whoever has most, not whoever came first or last', () => {
    full(4, 'a1', 'b1', 'b2', 'b3', 'c1', 'b4');
    expect(cut).toEqual(['b1', 'b2']);
  });

  test('never cost one that has just done something, as long as there is another', () => {
    const { connections, all } = full(3, 'a1', 'a2', 'a3');
    if (all[0] !== undefined) connections.touch(all[0]);
    connections.add(of('a', 'a4'));
    expect(cut).toEqual(['a2']);
  });

  test('are not counted once they have gone, nor twice when they go twice', () => {
    const { connections, all } = full(2, 'a1', 'b1');
    for (let i = 0; i < 2; i++) if (all[0] !== undefined) connections.remove(all[0]);
    connections.add(of('c', 'c1'));
    expect([cut, connections.count]).toEqual([[], 2]);
    if (all[0] !== undefined) connections.touch(all[0]);
    expect(connections.count).toBe(2);
  });
});

describe('answers that nobody reads', () => {
  test('cost whoever has not read for longest', () => {
    const { connections, all } = full(9, 'a1', 'b1', 'c1');
    for (const each of all) connections.owe(each, 40);
    expect([cut, connections.count]).toEqual([['a1'], 2]);
  });

  test('are forgotten when they are read or their client has gone', () => {
    const { connections, all } = full(9, 'a1', 'b1', 'c1');
    const [a, b, c] = all as [Connection, Connection, Connection];
    connections.owe(a, 60);
    connections.owe(a, 30);
    connections.paid(a, 60);
    connections.owe(b, 70);
    expect(cut).toEqual([]);
    connections.remove(b);
    connections.owe(c, 70);
    expect(cut).toEqual([]);
    connections.owe(c, 1);
    expect(cut).toEqual(['a1']);
  });

  test('of one alone are not cut, however long: it may be reading', () => {
    const { connections, all } = full(9, 'a1');
    if (all[0] !== undefined) connections.owe(all[0], 1000);
    expect(cut).toEqual([]);
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['2001:0DB8::', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, ''],
])('%s is the client %s', (address, client) => {
  expect(clientOf(address)).toBe(client);
});

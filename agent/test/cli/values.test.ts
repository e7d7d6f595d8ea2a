import { describe, expect, it } from 'vitest';
import { addressText, duration, listenAddress } from '../../src/cli/values.ts';

describe('duration', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(duration(text)).toBe(milliseconds);
  });

  it.each(['', '0', '-1s', '10 s', '1d', '600h', 'soon'])('%j is refused', (text) => {
    expect(() => duration(text)).toThrow('a time such as');
  });
});

describe('listenAddress', () => {
  it.each([
    ['127.0.0.1:10190', { host: '127.0.0.1', port: 10_190 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
  ])('%s is understood, and written the same way', (text, address) => {
    expect(listenAddress(text)).toEqual(address);
    expect(addressText(address)).toBe(text);
  });

  it('without a host means all interfaces', () => {
    expect(listenAddress(':10190')).toEqual({ host: '::', port: 10_190 });
  });

  it.each(['10190', 'host', 'host:', 'host:65536', '::1:80', '[nonsense]:80', 'a b:x'])('%j is refused', (text) => {
    expect(() => listenAddress(text)).toThrow('an address such as');
  });
});

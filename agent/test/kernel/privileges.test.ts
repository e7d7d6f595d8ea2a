import { describe, expect, it } from 'vitest';
import { missingCapabilities } from '../../src/kernel/privileges.ts';

const status = (mask: string) =>
  `Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t${mask}\nCapBnd:\t000001ffffffffff\n`;

describe('missingCapabilities', () => {
  it('is nothing for root', () => {
    expect(missingCapabilities(status('000001ffffffffff'), 3)).toEqual([]);
  });

  it('names each that is needed', () => {
    expect(missingCapabilities(status('0000000000000000'), 2)).toEqual([
      'CAP_BPF',
      'CAP_PERFMON',
      'CAP_DAC_READ_SEARCH',
    ]);
  });

  it('takes CAP_SYS_ADMIN for what it includes', () => {
    expect(missingCapabilities(status('0000000000200004'), 3)).toEqual([]);
  });

  it('asks for CAP_SYS_ADMIN where perf_event_paranoid is 3', () => {
    // CAP_BPF, CAP_PERFMON and CAP_DAC_READ_SEARCH
    expect(missingCapabilities(status('000000c000000004'), 2)).toEqual([]);
    expect(missingCapabilities(status('000000c000000004'), 3)).toEqual(['CAP_SYS_ADMIN']);
  });
});

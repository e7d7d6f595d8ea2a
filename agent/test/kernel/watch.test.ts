import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LAYOUT } from '../../src/abi/layout.ts';
import type { Confirm } from '../../src/kernel/options.ts';
import type { PinnedLink } from '../../src/kernel/pins.ts';
import { Watch } from '../../src/kernel/watch.ts';
import type { BpfObject, MappedRegion, Program } from '../../../native/lib/index.ts';

/** A kernel with so many pending refusals, of which the probe is attached or not. */
function kernel() {
  const state = {
    pending: 0,
    watching: 0,
    attached: 0,
    attaches: 0,
    expired: 0,
    error: null as Error | null,
    expireError: null as Error | null,
    beforeDetach: () => {},
  };
  const globals = {
    readU64: (into: Float64Array, offset: number) => {
      expect(offset).toBe(LAYOUT.variables.pending_total.offset);
      into[0] = state.pending;
    },
    storeU32: (offset: number, value: number) => {
      expect(offset).toBe(LAYOUT.variables.watching.offset);
      state.watching = value;
      if (value === 0) state.beforeDetach();
    },
  } as unknown as MappedRegion;
  const evidence = {
    section: 'tp_btf/sys_exit',
    attach: () => {
      if (state.error !== null) throw state.error;
      state.attaches++;
      state.attached++;
      return { close: () => state.attached-- };
    },
  } as unknown as Program;
  const expire = {
    iterate: () => {
      if (state.expireError !== null) throw state.expireError;
      state.expired++;
    },
  } as unknown as Program;
  const object = { program: (name: string) => (name === 'expire' ? expire : evidence) } as unknown as BpfObject;
  const watch = (
    confirm: Confirm,
    refused?: string,
    pin: PinnedLink | null = null,
    onError = (error: unknown): void => {
      throw error;
    },
  ) => new Watch(object, globals, confirm, refused, pin, onError);
  return { state, watch };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Watch', () => {
  it('attaches its probe while refusals are pending, and for less than a second more', () => {
    const { state, watch } = kernel();
    const auto = watch('auto');
    vi.advanceTimersByTime(10_000);
    expect(state).toMatchObject({ attaches: 0, expired: 0, watching: 0 });
    expect(auto.status).toMatchObject({ state: 'off', reason: 'no refusal is pending' });

    state.pending = 1;
    auto.look();
    expect(state).toMatchObject({ attached: 1, watching: 1, expired: 1 });
    expect(auto.status.state).toBe('attached');
    vi.advanceTimersByTime(10_000);
    expect(state).toMatchObject({ attached: 1, attaches: 1, expired: 41 });

    state.pending = 0;
    vi.advanceTimersByTime(500);
    expect(state.attached).toBe(1);
    vi.advanceTimersByTime(500);
    expect(state).toMatchObject({ attached: 0, watching: 0, expired: 41 });
    auto.close();
  });

  it('stays attached when one more comes while it says that it goes', () => {
    const { state, watch } = kernel();
    const auto = watch('auto');
    state.pending = 1;
    auto.look();
    state.pending = 0;
    state.beforeDetach = () => {
      state.pending = 1;
    };
    vi.advanceTimersByTime(2000);
    expect(state).toMatchObject({ attached: 1, attaches: 1, watching: 1 });
    auto.close();
  });

  it('always: from the start to the end', () => {
    const { state, watch } = kernel();
    const always = watch('always');
    expect(state).toMatchObject({ attached: 1, watching: 1 });
    vi.advanceTimersByTime(10_000);
    expect(state.attached).toBe(1);
    always.close();
    expect(state.attached).toBe(0);
  });

  it('never: what is pending ends all the same', () => {
    const { state, watch } = kernel();
    const never = watch('never');
    state.pending = 1;
    vi.advanceTimersByTime(500);
    expect(state).toMatchObject({ attaches: 0, watching: 0, expired: 2 });
    expect(never.status).toMatchObject({ state: 'off', reason: 'confirm: never' });
    never.close();
  });

  it('says why its probe is not there, and tries no more', () => {
    const { state, watch } = kernel();
    state.error = new Error('attach evidence_exit: EPERM (Operation not permitted)');
    const failed = watch('always');
    expect(failed.status).toMatchObject({ state: 'unavailable', reason: state.error.message });
    state.error = null;
    state.pending = 1;
    vi.advanceTimersByTime(500);
    expect(state).toMatchObject({ attaches: 0, watching: 0, expired: 2 });
    failed.close();

    const refused = watch('auto', 'EACCES: the verifier');
    vi.advanceTimersByTime(500);
    expect(refused.status).toMatchObject({ state: 'unavailable', reason: 'EACCES: the verifier' });
    refused.close();
  });

  it.each(['auto', 'always'] as const)('%s: tries again when the agent was short of something', (confirm) => {
    const { state, watch } = kernel();
    state.error = Object.assign(new Error('attach evidence_exit: EMFILE'), { code: 'EMFILE' });
    state.pending = 1;
    const short = watch(confirm);
    vi.advanceTimersByTime(500);
    expect(short.status).toMatchObject({ state: 'unavailable', reason: 'attach evidence_exit: EMFILE' });
    state.error = null;
    vi.advanceTimersByTime(500);
    expect(state).toMatchObject({ attached: 1, watching: 1 });
    state.pending = 0;
    short.close();
  });

  it('watches on where its probe cannot be pinned, and says so once', () => {
    const { state, watch } = kernel();
    const errors: unknown[] = [];
    const gone = new Error('pin evidence_exit: ENOENT');
    const pin = {
      adopt: () => null,
      set: () => {
        throw gone;
      },
      remove: () => undefined,
    } as unknown as PinnedLink;
    const unpinned = watch('auto', undefined, pin, (error) => errors.push(error));
    for (let i = 0; i < 3; i++) {
      state.pending = 1;
      unpinned.look();
      expect(state).toMatchObject({ attached: 1, watching: 1 });
      expect(unpinned.status.state).toBe('attached');
      state.pending = 0;
      vi.advanceTimersByTime(2000);
      expect(state).toMatchObject({ attached: 0, watching: 0 });
    }
    expect(errors).toEqual([gone]);
    unpinned.close();
  });

  it('looks once a second while nothing is pending, and finds within that what no event told', () => {
    const { state, watch } = kernel();
    const auto = watch('auto');
    const wakeups = () => {
      let count = 0;
      for (const end = Date.now() + 10_000; Date.now() < end; count++) vi.advanceTimersToNextTimer();
      return count;
    };
    expect(wakeups()).toBeLessThanOrEqual(11);
    state.pending = 1;
    vi.advanceTimersByTime(1000);
    expect(state).toMatchObject({ attached: 1, watching: 1 });
    expect(wakeups()).toBeGreaterThanOrEqual(40);
    auto.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('goes on looking after an error, and looks no more once it is closed', () => {
    const { state, watch } = kernel();
    const errors: unknown[] = [];
    const never = watch('never', undefined, null, (error) => errors.push(error));
    const gone = new Error('iterate expire: EBADF');
    state.expireError = gone;
    state.pending = 1;
    vi.advanceTimersByTime(2000);
    expect(errors.length).toBeGreaterThanOrEqual(2);
    expect(new Set(errors)).toEqual(new Set([gone]));
    state.expireError = null;
    const before = state.expired;
    vi.advanceTimersByTime(1000);
    expect(state.expired).toBeGreaterThan(before);
    never.close();
    never.look();
    expect(vi.getTimerCount()).toBe(0);
  });
});

/**
 * Thin, policy-free binding over a statically linked libbpf: objects, programs, links, maps, mapped
 * regions and a ring buffer, each with an explicit lifetime.
 *
 * Rules that hold for every class here: `close()` may be called any number of times; any other call
 * after it throws a `TypeError`; a method called on a wrong `this` throws a `TypeError`; closing a
 * parent closes what came out of it; whatever is open when the environment (process or worker) ends
 * is closed then. What JavaScript has dropped is closed when it is collected - a link that nobody holds detaches
 * at some later time - but for a ring buffer, which like a timer goes on until it is closed. Nothing of the
 * kernel's memory is ever handed to JavaScript: readers copy out.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A failed kernel or libbpf call: `load object spillway: EPERM (Operation not permitted)`. */
export interface BpfError extends Error {
  readonly name: 'BpfError';
  /** What was being done to what, e.g. `load object spillway`, `attach sendfile_exit`. */
  readonly operation: string;
  /** Positive errno. */
  readonly errno: number;
  /**
   * Symbolic errno, e.g. `EPERM`; `E<number>` where the C library has no name: `E524` for the kernel's ENOTSUPP, `E4000` and
   * up for libbpf's own (`E4001`: not a BPF object).
   */
  readonly code: string;
  /** What libbpf and the verifier printed during the operation; may be empty. Of more than 64 KiB the end. */
  readonly log: string;
}

export interface ProgramInfo {
  readonly id: number;
  /** Eight bytes in hexadecimal: the same instructions give the same tag. */
  readonly tag: string;
  /** Runs and nanoseconds: 0 unless kernel.bpf_stats_enabled. */
  readonly runCount: number;
  readonly runTimeNs: number;
  /** Runs that the kernel skipped (bpf_prog_info.recursion_misses, 5.12 and newer). */
  readonly recursionMisses: number;
  /** Instructions the verifier walked (5.16 and newer, 0 before), and the size of the machine code. */
  readonly verifiedInstructions: number;
  readonly jitedBytes: number;
}

export interface MapInfo {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** Detaches its program when closed, unless it is pinned. */
export interface Link {
  /** Keeps the program attached for as long as there is a file `path` in a bpffs, whatever becomes of this process. */
  pin(path: string): void;
  close(): void;
}

export interface Program {
  readonly name: string;
  readonly section: string;
  info(): ProgramInfo;
  /**
   * Attaches to what the section names, or to another hook of that kind: a classic tracepoint, `category/name`, or a function of
   * the kernel (kprobe.multi). One program can have many links, but only one to each tracepoint (EEXIST).
   */
  attach(hook?: string): Link;
  /**
   * Runs a SEC("syscall") program once with `context` as its argument, which the program may write to, and
   * returns its result, a signed 32-bit integer. At most 64 KiB (E2BIG).
   */
  run(context?: Buffer): number;
  /** Runs a SEC("iter/…") program once over all that it iterates over, and returns what it wrote (bpf_seq_write). */
  iterate(): Buffer;
  /** Keeps the program for as long as there is a file `path` in a bpffs. */
  pin(path: string): void;
  /**
   * Stands for the program of this name that is pinned at `path`, instead of one that this object has loaded. EINVAL if it
   * has another name. Such a one can be attached only where the kernel knows its hook (raw tracepoints with BTF).
   */
  adopt(path: string): void;
  /** The link of this program that is pinned at `path`; EINVAL for another program's. Closing it detaches nothing. */
  adoptLink(path: string): Link;
}

/** Where the parts of a record stand; all in bytes, offsets of parts from the record's beginning. */
export interface RowLayout {
  /** Of the first record in the region, and from one record to the next (a multiple of 8). */
  readonly offset: number;
  readonly stride: number;
  /** How many records to look at. */
  readonly rows: number;
  /** A 32-bit word that says whether a record is wanted: it is if bit `word` of `accept` is set (words above 31: never). */
  readonly state: number;
  readonly accept: number;
  /** Consecutive 32-bit words. */
  readonly words: number;
  readonly wordColumns: number;
  /** Consecutive 64-bit counters. */
  readonly counters: number;
  readonly counterColumns: number;
}

/** Where the wanted rows go, one behind the other: each must hold as many elements as `rows` could fill. */
export interface RowColumns {
  /** Index of each row, from 0. */
  readonly indices: Uint32Array;
  readonly states: Uint32Array;
  readonly words: Uint32Array;
  readonly counters: Float64Array;
}

/**
 * A map's memory in this process (BPF_F_MMAPABLE arrays). Offsets and strides are in bytes from its
 * start, checked against its size (`RangeError`), and must be multiples of the access size. Every load and store is one
 * atomic access of its width; loads acquire, stores release.
 */
export interface MappedRegion {
  /** In bytes. */
  readonly size: number;
  /**
   * Gathers a matrix of counters: `into[r * columns + c] = u64 at offset + r * stride + 8 * c`, as doubles
   * (exact to 2^53). `into` must hold rows * columns elements.
   */
  readU64(into: Float64Array, offset: number, stride: number, rows: number, columns: number): void;
  /** The same for 32-bit words: `into[r * columns + c] = u32 at offset + r * stride + 4 * c`. */
  readU32(into: Uint32Array, offset: number, stride: number, rows: number, columns: number): void;
  /**
   * Gathers the wanted ones of many records in one pass over the memory, and returns how many they were. Of each record the
   * state is read first and the counters last.
   */
  selectRows(layout: RowLayout, into: RowColumns): number;
  /** A copy of `length` bytes, without atomicity. */
  readBytes(offset: number, length: number): Buffer;
  storeU32(offset: number, value: number): void;
  storeU64(offset: number, value: number): void;
  /** Without atomicity. */
  writeBytes(offset: number, bytes: Buffer): void;
  close(): void;
}

export interface BpfMap {
  readonly name: string;
  info(): MapInfo;
  /**
   * The value, or null when there is no such key. Keys and values of another size than the map's are a `RangeError`;
   * a per-CPU map's value is that of each possible CPU, each padded to 8 bytes; a queue has keys of 0 bytes.
   */
  lookup(key: Buffer): Buffer | null;
  /** flags: BPF_ANY 0, BPF_NOEXIST 1, BPF_EXIST 2. */
  update(key: Buffer, value: Buffer, flags?: number): void;
  /** False when there was no such key. */
  delete(key: Buffer): boolean;
  /** Maps the values of an mmap-able array, read and write. */
  mapRegion(): MappedRegion;
  /**
   * Consumes a BPF_MAP_TYPE_RINGBUF from the event loop: one call of `onRecords` per wake-up with a batch of
   * records (`length` bytes each, concatenated; records of another length are dropped and counted in
   * `malformed`). An exception in `onRecords` surfaces as an uncaught exception. One consumer a map (EBUSY).
   */
  consume(length: number, onRecords: (records: Buffer) => void): RingBuffer;
  /** Keeps the map for as long as there is a file `path` in a bpffs. */
  pin(path: string): void;
  /** Before `load`: takes the map that is pinned at `path` instead of a new one; EINVAL if it has another type or size. */
  reuse(path: string): void;
}

export interface RingBuffer {
  readonly malformed: number;
  /** Keeps the event loop alive (the default) or lets it end. */
  ref(): void;
  unref(): void;
  close(): void;
}

export interface BpfObject {
  /** Before `load`: */
  setMaxEntries(map: string, entries: number): void;
  setAutoload(program: string, autoload: boolean): void;
  /** The initial contents of a global data section (`.rodata`, `.data`, `.bss`), or a replacement of the same size. */
  initialValue(map: string): Buffer;
  setInitialValue(map: string, value: Buffer): void;
  /** Loads maps and programs. What fails throws a BpfError with the verifier's log; the object can then only be closed. */
  load(): void;
  /** Names, in the object's order: `fixture.rodata` for a data section, which `map('.rodata')` finds too. */
  programNames(): string[];
  mapNames(): string[];
  program(name: string): Program;
  map(name: string): BpfMap;
  /** Detaches, unmaps and closes everything that came out of this object. */
  close(): void;
}

export interface Binding {
  /** Parses an ELF object. `name` appears in messages. */
  openObject(elf: Buffer, name: string): BpfObject;
  /** Version of the linked libbpf, e.g. `1.7`. */
  readonly libbpfVersion: string;
  /**
   * Resolves when every BPF program that was running at the call has ended: membarrier(MEMBARRIER_CMD_GLOBAL),
   * or, where that does not wait (one CPU, nohz_full), an update of a map-in-map. Runs off the event loop.
   */
  gracePeriod(): Promise<void>;
  /** Maps the values of an mmap-able array that is pinned at `path`, whatever object made it. */
  mapPinned(path: string): MappedRegion;
  /** Locks an open file or directory until its descriptor is closed (flock(2)); false if another process has it locked. */
  lockFile(fd: number): boolean;
  /** pidfd_open(2). The caller closes the descriptor with fs.closeSync. */
  pidfdOpen(pid: number): number;
  /**
   * The seals of a file in memory (F_GET_SEALS): a memfd, by its link in /proc/PID/fd or map_files.
   * @throws BpfError `seals of PATH`; EINVAL for files that have none
   */
  sealsOf(path: string): number;
  /** Nanoseconds since boot, suspend included (CLOCK_BOOTTIME): the clock of the kernel's start times. */
  bootTimeNs(): number;
  /**
   * Takes the pages of programs and libraries, as far as they are those of their files, out of this process: what is needed of them comes
   * back from the page cache as it is used. Returns how many bytes were resident; 0 where /proc/self/smaps cannot be read.
   */
  releaseFilePages(): number;
  /** Microseconds of CLOCK_MONOTONIC: the clock of MONOTONIC_USEC in sd_notify(3). */
  monotonicUs(): number;
  /**
   * Sends one datagram to `socket`, an absolute path or `@` and an abstract name, without waiting.
   * @throws BpfError `notify SOCKET`; EAGAIN when the listener's queue is full, EAFNOSUPPORT for another kind of address
   */
  sendNotification(socket: string, message: string): void;
  /**
   * Takes all capabilities but these (numbers of linux/capability.h) from every thread of the process, for good: permitted, effective, inheritable
   * and ambient, and, with CAP_SETPCAP, what executing a program could give back. Each thread does so in a handler of the signal
   * SIGRTMAX - 1, which stays installed. Returns when /proc shows none that has more.
   * @throws BpfError, ETIMEDOUT with the names of threads that do not answer, as those that block all signals
   */
  limitCapabilities(keep: readonly number[]): void;
  /** Number of live native handles in this environment: 0 once all is closed. For leak tests. */
  liveHandles(): number;
}

/**
 * Loads the binding that the build left in `build/`.
 * @throws Error with the next step when it was not built
 */
export function loadBinding(file: string): Binding {
  if (!existsSync(file)) throw new Error(`${file} was not built; run \`make\` in the checkout`);
  return createRequire(import.meta.url)(file) as Binding;
}

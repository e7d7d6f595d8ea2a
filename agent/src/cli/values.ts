/** Option texts -> values, with the error that a user needs. */
import { HOOKS, type Hooks } from '../kernel/hooks.ts';
import { CONFIRM, type Confirm } from '../kernel/options.ts';
import { InvalidArgumentError, Option } from 'commander';
import { type Address, ADDRESS_EXPECTED, parseAddress } from '../config/address.ts';
import { parseDuration } from '../model/duration.ts';

export { type Address, addressText, DEFAULT_ADDRESS } from '../config/address.ts';

/** `500ms`, `10s`, `5m`, `1h`, or seconds without a unit -> milliseconds. */
export function duration(text: string): number {
  const milliseconds = parseDuration(text);
  // setTimeout counts in 31 bits
  if (milliseconds === undefined || milliseconds === 0 || milliseconds >= 2 ** 31) {
    throw new InvalidArgumentError('a time such as 500ms, 10s or 5m, up to 24 days.');
  }
  return milliseconds;
}

/** Slots of a table: 1 to 16,777,216. */
function capacity(text: string): number {
  const number = Number(text);
  if (!/^[0-9]+$/.test(text) || number < 1 || number > 2 ** 24) {
    throw new InvalidArgumentError('a whole number from 1 to 16777216.');
  }
  return number;
}

/** A whole number, 1 or more. */
export function positive(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('a whole number, 1 or more.');
  return Number(text);
}

/** The option that sizes a table; without a standard the configuration says how much. */
export function capacityOption(table: 'flows' | 'processes', standard?: number): Option {
  const option = new Option(`--${table} <number>`, `${table} to tell apart; what comes on top is counted together`);
  option.argParser(capacity);
  return standard === undefined ? option : option.default(standard);
}

/** When reads, writes and closes are watched, to learn what became of refusals. */
export function confirmOption(standard?: Confirm): Option {
  const option = new Option(
    '--confirm <when>',
    'watch what programs do after a refusal: always, never, or auto: while one is pending',
  ).choices(CONFIRM);
  return standard === undefined ? option : option.default(standard);
}

/** Durations beside counts. */
export function latencyOption(): Option {
  return new Option('--latency', 'time attempts too, by mechanism and outcome; costs each of them a second probe');
}

/** Where the returns of system calls are seen; without a standard the configuration says it. */
export function hooksOption(standard?: Hooks): Option {
  const option = new Option(
    '--hooks <kind>',
    'see the returns of system calls at tracepoints, by fexit (costs other calls nothing, and does not see what seccomp denies), ' +
      'or auto: by fexit only if no tracepoint can be attached',
  ).choices(HOOKS);
  return standard === undefined ? option : option.default(standard);
}

/** @see parseAddress */
export function listenAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new InvalidArgumentError(`${ADDRESS_EXPECTED}.`);
  return address;
}

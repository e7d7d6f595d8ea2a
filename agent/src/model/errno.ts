/** Errno numbers as their names: the same on x86-64 and arm64 (include/uapi/asm-generic/errno*.h). */
import { constants } from 'node:os';

const NAMES = new Map<number, string>(
  // EWOULDBLOCK and EAGAIN are one number, and so are EOPNOTSUPP and ENOTSUP: the name that people search for wins
  Object.entries(constants.errno)
    .filter(([name]) => name !== 'EWOULDBLOCK' && name !== 'ENOTSUP')
    .map(([name, number]) => [number, name]),
);
/** The rest, which Node does not name: a seccomp filter may answer any of them. */
const MORE: Readonly<Record<number, string>> = {
  15: 'ENOTBLK',
  44: 'ECHRNG',
  45: 'EL2NSYNC',
  46: 'EL3HLT',
  47: 'EL3RST',
  48: 'ELNRNG',
  49: 'EUNATCH',
  50: 'ENOCSI',
  51: 'EL2HLT',
  52: 'EBADE',
  53: 'EBADR',
  54: 'EXFULL',
  55: 'ENOANO',
  56: 'EBADRQC',
  57: 'EBADSLT',
  59: 'EBFONT',
  64: 'ENONET',
  65: 'ENOPKG',
  66: 'EREMOTE',
  68: 'EADV',
  69: 'ESRMNT',
  70: 'ECOMM',
  73: 'EDOTDOT',
  76: 'ENOTUNIQ',
  77: 'EBADFD',
  78: 'EREMCHG',
  79: 'ELIBACC',
  80: 'ELIBBAD',
  81: 'ELIBSCN',
  82: 'ELIBMAX',
  83: 'ELIBEXEC',
  85: 'ERESTART',
  86: 'ESTRPIPE',
  87: 'EUSERS',
  94: 'ESOCKTNOSUPPORT',
  96: 'EPFNOSUPPORT',
  108: 'ESHUTDOWN',
  109: 'ETOOMANYREFS',
  112: 'EHOSTDOWN',
  117: 'EUCLEAN',
  118: 'ENOTNAM',
  119: 'ENAVAIL',
  120: 'EISNAM',
  121: 'EREMOTEIO',
  123: 'ENOMEDIUM',
  124: 'EMEDIUMTYPE',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
  130: 'EOWNERDEAD',
  131: 'ENOTRECOVERABLE',
  132: 'ERFKILL',
  133: 'EHWPOISON',
};

/** `EAGAIN` for 11; `E<number>` for what has no name. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? MORE[errno] ?? `E${String(errno)}`;
}

/** Stands for numbers that have no name. */
export const OTHER_ERRNO = 'other';

/** A name as label value, bounded in number: `other` for one without a name, of which a seccomp filter may answer some 4,000. */
export function errnoLabel(errno: number): string {
  const name = errnoName(errno);
  return /^E\d+$/.test(name) ? OTHER_ERRNO : name;
}

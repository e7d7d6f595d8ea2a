/** Certificates for tests, made by the openssl of the host. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  /** Files, and what is in them. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

let serial = 0;

/** Makes certificates in a directory of its own. */
export class CertificateMaker {
  readonly directory = mkdtempSync(join(tmpdir(), 'spillway-certificates-'));

  /** Signs itself, and others. */
  authority(name: string): Certificate {
    return this.#make(name, ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE']);
  }

  /** @param sans `DNS:a.example`, `IP:127.0.0.1` @param flags more for `openssl req` */
  signed(name: string, authority: Certificate, sans: readonly string[], flags: readonly string[] = []): Certificate {
    const alternatives = sans.length === 0 ? [] : ['-addext', `subjectAltName=${sans.join(',')}`];
    const by = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-addext', 'basicConstraints=CA:FALSE'];
    return this.#make(name, ['-subj', `/CN=${name}`, ...by, ...alternatives, ...flags]);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #make(name: string, flags: readonly string[]): Certificate {
    const base = join(this.directory, `${name}-${String(++serial)}`);
    const [certFile, keyFile] = [`${base}.pem`, `${base}.key`];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
    const days = flags.includes('-days') ? [] : ['-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...key, ...days, '-out', certFile, ...flags], { stdio: 'ignore' });
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }
}

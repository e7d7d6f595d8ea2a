/** The image and the DaemonSet say the same as the agent and the package: where it listens, what it needs, where things are. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { DEFAULT_CONFIG_FILE } from '../../agent/src/config/load.ts';
import { makeProgram } from '../../agent/src/cli/program.ts';
import { parse as parseConfig } from '../../agent/test/config/support.ts';

const textOf = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const { version } = JSON.parse(textOf('package.json')) as { version: string };
const dockerfile = textOf('packaging/Dockerfile');
const operations = textOf('docs/operations.md');

interface Container {
  image: string;
  args: string[];
  ports: { name: string; containerPort: number }[];
  securityContext: Record<string, unknown> & { capabilities: { drop: string[]; add: string[] } };
  resources: { requests: object; limits: { memory: string } };
  startupProbe: { httpGet: { path: string; port: string } };
  readinessProbe: { httpGet: { path: string; port: string } };
  livenessProbe: { httpGet: { path: string; port: string } };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}
interface Document {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  spec?: {
    selector: { matchLabels: object };
    template: {
      metadata: { labels: object; annotations: Record<string, string> };
      spec: Record<string, unknown> & {
        containers: Container[];
        volumes: { name: string; hostPath?: { path: string }; configMap?: { name: string } }[];
      };
    };
  };
}

const documents = parseAllDocuments(textOf('packaging/kubernetes/daemonset.yaml')).map((document) => {
  expect(document.errors).toEqual([]);
  return document.toJS() as Document;
});
const of = (kind: string): Document => {
  const found = documents.find((document) => document.kind === kind);
  if (found === undefined) throw new Error(`there is no ${kind}`);
  return found;
};
const template = of('DaemonSet').spec?.template;
const pod = template?.spec;
const [container] = pod?.containers ?? [];
const config = parseConfig(of('ConfigMap').data?.['config.yaml'] ?? '');

it('the DaemonSet selects its own pods, in its own namespace', () => {
  expect(of('DaemonSet').spec?.selector.matchLabels).toEqual(template?.metadata.labels);
  for (const { kind, metadata } of documents) {
    if (kind !== 'Namespace') expect(metadata.namespace, kind).toBe(of('Namespace').metadata.name);
  }
  expect(pod?.serviceAccountName).toBe(of('ServiceAccount').metadata.name);
});

it('it runs a command that there is, with the configuration that is mounted, on the port that is probed and scraped', () => {
  const [command, ...args] = container?.args ?? [];
  const run = makeProgram().commands.find((each) => each.name() === command);
  expect(run?.parseOptions(args)).toMatchObject({ operands: [], unknown: [] });
  expect(args).toEqual(['--config', DEFAULT_CONFIG_FILE]);
  const port = container?.ports.find(({ name }) => name === 'metrics')?.containerPort;
  expect(config.web.listenAddress.port).toBe(port);
  expect(template?.metadata.annotations['prometheus.io/port']).toBe(String(port));
  expect(dockerfile).toContain(`EXPOSE ${String(port)}\n`);
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const) {
    const path = probe === 'livenessProbe' ? '/-/healthy' : '/-/ready';
    expect(container?.[probe].httpGet, probe).toEqual({ path, port: 'metrics' });
  }
  expect(container?.image).toBe(`spillway:${version}`);
});

it('it is given what the agent needs and no more', () => {
  expect(pod).toMatchObject({
    hostPID: true,
    automountServiceAccountToken: false,
    tolerations: [{ operator: 'Exists' }],
  });
  expect(pod).not.toHaveProperty('hostNetwork');
  expect(pod).not.toHaveProperty('hostIPC');
  expect(container?.securityContext).toEqual({
    runAsUser: 0,
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: ['BPF', 'PERFMON', 'SYS_PTRACE', 'DAC_READ_SEARCH', 'SYS_ADMIN'] },
    seccompProfile: { type: 'RuntimeDefault' },
    appArmorProfile: { type: 'Unconfined' },
  });
  expect(container?.resources).toMatchObject({ requests: { cpu: '20m' }, limits: { memory: '512Mi' } });
});

it('it sees what the agent reads of the host, and writes only pins and state', () => {
  const paths = new Map(pod?.volumes.map(({ name, hostPath, configMap }) => [name, hostPath?.path ?? configMap?.name]));
  const mounts = container?.volumeMounts.map(({ name, mountPath, readOnly = false }) => [
    mountPath,
    paths.get(name),
    readOnly,
  ]);
  expect(mounts).toEqual([
    ['/etc/spillway', of('ConfigMap').metadata.name, true],
    [config.alerts.stateDirectory, '/var/lib/spillway', false],
    ['/sys/kernel/tracing', '/sys/kernel/tracing', true],
    ['/sys/fs/bpf', '/sys/fs/bpf', false],
  ]);
});

it('the image runs the program of the package, with options that there are', () => {
  expect(dockerfile).toContain('FROM debian:bookworm-slim\n');
  const list = (word: string) => parse(new RegExp(`^${word} (.*)$`, 'm').exec(dockerfile)?.[1] ?? '[]') as string[];
  expect(list('ENTRYPOINT')).toEqual(['/usr/bin/spillway']);
  const [command, ...args] = list('CMD');
  const run = makeProgram().commands.find((each) => each.name() === command);
  expect(run?.parseOptions(args)).toMatchObject({ operands: [], unknown: [] });
});

it('the DaemonSet gives its container what the line of docs/operations.md gives, which make test-container tries', () => {
  const [line = ''] = /^docker run -d (?:.*\\\n)*.*/m.exec(operations) ?? [];
  const values = (option: string) =>
    [...line.matchAll(new RegExp(` --?${option} (\\S+)`, 'g'))].map(([, value]) => value);
  const context = container?.securityContext;
  expect(values('cap-add').sort()).toEqual(context?.capabilities.add.toSorted());
  expect(values('cap-drop')).toEqual(context?.capabilities.drop);
  expect({
    readOnlyRootFilesystem: line.includes(' --read-only '),
    allowPrivilegeEscalation: !values('security-opt').includes('no-new-privileges'),
    appArmorProfile: { type: values('security-opt').includes('apparmor=unconfined') ? 'Unconfined' : undefined },
    privileged: line.includes('--privileged'),
  }).toEqual({
    readOnlyRootFilesystem: context?.readOnlyRootFilesystem,
    allowPrivilegeEscalation: context?.allowPrivilegeEscalation,
    appArmorProfile: context?.appArmorProfile,
    privileged: context?.privileged,
  });
  expect(values('pid')).toEqual(pod?.hostPID === true ? ['host'] : []);
  expect(values('memory').map((size) => `${size?.toUpperCase() ?? ''}i`)).toEqual([container?.resources.limits.memory]);

  // what is on the node; the state has a volume of docker's
  const paths = new Map(pod?.volumes.map(({ name, hostPath }) => [name, hostPath?.path]));
  const mounts = container?.volumeMounts.flatMap(({ name, mountPath, readOnly = false }) => {
    const path = paths.get(name);
    return path === undefined ? [] : [`${path}:${mountPath}${readOnly ? ':ro' : ''}`];
  });
  expect(
    values('v')
      .map((mount) => mount?.replace(/^spillway:/, '/var/lib/spillway:'))
      .sort(),
  ).toEqual(mounts?.sort());
  expect(line).toContain(` ${container?.image ?? ''} run `);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { sendTest } from '../../src/cli/alert-test.ts';

const KEY = '0123456789abcdefghijABCDEFGHIJ99';
const directory = mkdtempSync(join(tmpdir(), 'spillway-alert-test-'));
const key = join(directory, 'key');
beforeAll(() => {
  writeFileSync(key, `${KEY}\n`, { mode: 0o600 });
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** A configuration with these lines. */
function file(text: string): string {
  const path = join(directory, 'config.yaml');
  writeFileSync(path, text);
  return path;
}

/** A server that answers the requests in turn; what it was sent. */
async function serve(...answers: readonly (readonly [status: number, text: string])[]) {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer((request, reply) => {
    let text = '';
    request.on('data', (part) => (text += String(part)));
    request.on('end', () => {
      const [status, words] = answers[bodies.length] ?? [500, ''];
      bodies.push(JSON.parse(text) as Record<string, unknown>);
      reply.writeHead(status).end(words);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, bodies };
}

it('sends to the receivers of the file that was named, and says what each answered', async () => {
  const pagerDuty = await serve(
    [202, '{"status":"success","message":"Event processed","dedup_key":"x"}'],
    [400, `{"status":"invalid event","message":"Event object is invalid","errors":["${KEY} is no key"]}`],
  );
  const hook = await serve([200, ''], [429, 'slow down']);
  const path = file(`receivers:
  pagerduty: {url: '${pagerDuty.url}', routing_key_file: ${key}}
  webhook: {url: '${hook.url}/secret'}
status_url: https://status.example
`);
  const test = sendTest(path);
  expect(test.configuration).toBe(path);
  expect(await test.send()).toEqual([
    { receiver: 'pagerduty', action: 'trigger', ok: true, message: '202 success: Event processed' },
    {
      receiver: 'pagerduty',
      action: 'resolve',
      ok: false,
      message: expect.stringMatching(
        /^400 invalid event: Event object is invalid: (?!.*0123456789).* is no key$/,
      ) as string,
    },
    { receiver: 'webhook', action: 'trigger', ok: true, message: '200' },
    { receiver: 'webhook', action: 'resolve', ok: false, message: '429 slow down' },
  ]);

  // a dry run shows what is sent, but for the key
  const shown = test.bodies().map(({ body }) => body);
  const sent = [...pagerDuty.bodies, ...hook.bodies].map(({ routing_key: _, ...body }) => body);
  expect(shown).toEqual(sent);
  expect(sent[0]).toMatchObject({ event_action: 'trigger', client_url: 'https://status.example' });
  expect(sent[2]).toMatchObject({ status: 'firing', externalURL: 'https://status.example' });
});

it('a key that cannot be read is said, and nothing is sent', async () => {
  const { url, bodies } = await serve();
  const test = sendTest(file(`receivers: {pagerduty: {url: '${url}', routing_key_file: ${directory}/none}}`));
  const [trigger] = await test.send();
  expect(trigger).toMatchObject({ ok: false, message: expect.stringContaining(`${directory}/none`) as string });
  expect(bodies).toEqual([]);
});

it('a file that was named must be there, and be good', () => {
  expect(() => sendTest(join(directory, 'no.yaml'))).toThrow(expect.objectContaining({ code: 'CONFIG', exitCode: 78 }));
  expect(() => sendTest(file('hooks: x'))).toThrow(/config.yaml:1:8: hooks/);
});

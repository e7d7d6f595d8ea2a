/** A real Chromium without a screen, driven over its own DevTools protocol. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from './kernel.ts';
import { ROOT, temporaryDirectory } from './run.ts';

/** Nothing that it would do besides: no outside request, no state of a user. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--remote-debugging-port=0',
];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** What a page did that a test asks about. */
export interface Heard {
  /** Addresses that it asked for. */
  readonly requests: string[];
  /** Errors, refusals of the policy, dialogs. */
  readonly complaints: string[];
}

export interface Look {
  readonly width: number;
  readonly dark?: boolean;
  readonly script?: boolean;
}

/** One browser with one tab; it ends with the test. */
export class Chromium {
  readonly heard: Heard = { requests: [], complaints: [] };
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  #last = 0;

  private constructor(process: ChildProcess, socket: WebSocket) {
    this.#process = process;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data)) as Message));
  }

  static async start(): Promise<Chromium> {
    const directory = temporaryDirectory();
    const child = spawn('chromium', [...FLAGS, `--user-data-dir=${directory}`, 'about:blank'], {
      stdio: 'ignore',
      // it takes what it is told by the environment of its user, too
      env: { ...process.env, HOME: directory, http_proxy: '', https_proxy: '', all_proxy: '' },
    });
    const file = join(directory, 'DevToolsActivePort');
    await until(() => existsSync(file) && readFileSync(file, 'utf8').includes('\n'));
    const [port = ''] = readFileSync(file, 'utf8').split('\n');
    let address = '';
    await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
      const targets = (await answer.json()) as { type: string; webSocketDebuggerUrl: string }[];
      address = targets.find(({ type }) => type === 'page')?.webSocketDebuggerUrl ?? '';
      return address !== '';
    });
    const socket = new WebSocket(address);
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
    const chromium = new Chromium(child, socket);
    onTestFinished(() => chromium.stop(directory));
    for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await chromium.send(`${domain}.enable`);
    return chromium;
  }

  /** How the page is looked at from now on. */
  async look({ width, dark = false, script = true }: Look): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.send('Emulation.setEmulatedMedia', { features });
    await this.send('Emulation.setScriptExecutionDisabled', { value: !script });
  }

  async open(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
    await until(async () => (await this.evaluate<string>('document.readyState')) === 'complete');
  }

  /** The value of an expression in the page, or of what it promises; also where the page itself may run no script. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: T }).value;
  }

  /** Of the whole page, under build/: to be looked at. */
  async picture(name: string): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true });
    const file = join(ROOT, 'build/screenshots', `${name}.png`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(String(data), 'base64'));
  }

  /** Presses a key that has a name, or writes a character. */
  async press(key: string): Promise<void> {
    const code = key === 'Tab' ? 9 : key === 'Enter' ? 13 : 32;
    const text = key === 'Tab' ? {} : { text: key === 'Enter' ? '\r' : key };
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, windowsVirtualKeyCode: code, ...text });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, windowsVirtualKeyCode: code });
  }

  send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async stop(directory: string): Promise<void> {
    this.#socket.close();
    const exited = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    await exited;
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #receive({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result ?? {});
      else waiting?.reject(new Error(error.message));
      return;
    }
    if (method === 'Network.requestWillBeSent')
      this.heard.requests.push((params as { request: { url: string } }).request.url);
    if (
      method === 'Runtime.exceptionThrown' ||
      method === 'Log.entryAdded' ||
      method === 'Page.javascriptDialogOpening'
    ) {
      this.heard.complaints.push(JSON.stringify(params));
    }
  }
}

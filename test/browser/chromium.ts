import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const USUAL_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** No windows, no requests of its own: the page and nothing else. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-sync',
];

/** The Chromium that `CHROMIUM_PATH` names, else one where it is usually installed, else none, which says why tests are skipped. */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM_PATH'];
  if (!named) {
    const found = USUAL_PATHS.find((path) => existsSync(path));
    if (found === undefined) console.warn('skipped: no Chromium found; CHROMIUM_PATH may name one');
    return found;
  }
  if (!existsSync(named)) throw new Error(`CHROMIUM_PATH names no file: ${named}`);
  return named;
}

/**
 * Opens a page in a Chromium of its own until `done` settles; then no process and no profile is left.
 * @throws where Chromium ends before `done` does, with what it wrote last
 */
export async function withPage<T>(chromium: string, url: string, done: Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), 'qspec-chromium-'));
  // The leader of a process group, for Chromium is many processes.
  const browser = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, url], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const ended = endOf(browser);
  const early = ended.then((said) => {
    throw new Error(`Chromium ended before the page had an answer:\n${said}`);
  });
  try {
    return await Promise.race([done, early]);
  } finally {
    early.catch(() => {});
    if (browser.pid !== undefined) killGroup(browser.pid);
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** What the process wrote to stderr, or why it did not start, once it has ended. */
function endOf(browser: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    browser.stderr?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-4000);
    });
    browser.on('error', (error) => resolve(error.message));
    browser.on('exit', () => resolve(said));
  });
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { build, type Rollup } from 'vite';
import { withPage } from './chromium.ts';

/** The module and all that it imports as one file for browsers, made by Vite without a setting that a user would have to know. */
export async function bundle(entry: string, root: string): Promise<string> {
  const built = await build({
    configFile: false,
    root,
    envDir: false,
    publicDir: false,
    logLevel: 'error',
    build: {
      write: false,
      rolldownOptions: { input: entry, preserveEntrySignatures: 'strict' },
    },
  });
  const [output] = (Array.isArray(built) ? built : [built]) as Rollup.RollupOutput[];
  const chunks = output?.output ?? [];
  const [chunk] = chunks;
  if (chunk?.type !== 'chunk' || chunks.length > 1 || chunk.imports.length > 0) {
    throw new Error(`not one file: ${chunks.map(({ fileName }) => fileName).join(', ')}`);
  }
  return chunk.code;
}

/** Calls what the bundle exports as `run` and sends back what it returns or why it failed. */
const PAGE = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script type="module">
  const answer = async () => {
    try {
      const { run } = await import('/page.js');
      return { value: await run(await (await fetch('/job')).json()) };
    } catch (error) {
      return { error: String(error?.stack ?? error) };
    }
  };
  await fetch('/answer', { method: 'POST', body: JSON.stringify(await answer()) });
</script>
`;

/** How long a page may take, less than a test may: a browser that hangs is ended too. */
const PATIENCE_MS = 50_000;

/** What the page sends. */
type Answer<T> = { readonly value: T } | { readonly error: string };

/**
 * The value that the `run(job)` of a bundle returns in a page of Chromium; job and value pass as JSON.
 * @throws where `run` does, with the page's own stack
 */
export async function runInPage<T>(chromium: string, code: string, job: unknown): Promise<T> {
  let settle: (answer: Answer<T>) => void = () => {};
  const answer = new Promise<Answer<T>>((resolve) => {
    settle = resolve;
  });
  const server = createServer(async (request, response) => {
    const [type, body] = await respond(request);
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type });
    response.end(body);
  });
  const respond = async (request: IncomingMessage): Promise<[type: string, body: string | undefined]> => {
    switch (request.url) {
      case '/':
        return ['text/html', PAGE];
      case '/page.js':
        return ['text/javascript; charset=utf-8', code];
      case '/job':
        return ['application/json', JSON.stringify(job)];
      case '/answer':
        settle(JSON.parse(await text(request)) as Answer<T>);
        return ['text/plain', ''];
      default:
        return ['text/plain', undefined];
    }
  };
  const late = setTimeout(() => settle({ error: `no answer within ${PATIENCE_MS} ms` }), PATIENCE_MS);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    const given = await withPage(chromium, `http://127.0.0.1:${address.port}/`, answer);
    if ('error' in given) throw new Error(`in the page: ${given.error}`);
    return given.value;
  } finally {
    clearTimeout(late);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

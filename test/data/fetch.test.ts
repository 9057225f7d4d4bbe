import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { FETCHABLE, fetchDataset, fetchPublicSet } from '../../runtime/data/fetch.ts';
import { loadPublicSet } from '../../runtime/data/public-data.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { type Request, sendFile, sendPart, serve, unusedPort } from './server.ts';
import { cifarSet, IDX_TRAIN, idxSet, noiseBytes, tarGz, writeFiles } from './synthetic.ts';

const QUICK = { attempts: 3, delayMs: 1, stallMs: 2000 };
const IMAGES = 'train-images-idx3-ubyte.gz';

const tiny = idxSet();
/** What a server of the tiny set sends, by the last part of its paths. */
const published = new Map(
  [...tiny.contents].map(([name, content]) => [`${name}.gz`, gzipSync(content) as Uint8Array]),
);
const contentOf = (path: string) => published.get(path.split('/').at(-1) ?? '') ?? new Uint8Array();
const isImages = (request: Request) => request.path.endsWith(IMAGES);

async function filesBelow(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
}

const COMPLETE = [...published.keys()].sort();

describe('a server that serves', () => {
  test('gives a data folder that loads; nothing is asked for twice', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => sendFile(contentOf(request.path), request, response));
    const log: string[] = [];
    const options = { root, mirrors: [server.address], log: (line: string) => log.push(line), ...QUICK };
    await fetchPublicSet(tiny.set, options);
    expect(server.requests.map((request) => request.path)).toEqual(
      [...published.keys()].map((name) => `/tiny/${name}`),
    );
    expect(await filesBelow(root)).toEqual(COMPLETE);
    expect((await loadPublicSet(tiny.set, root)).train.count).toBe(IDX_TRAIN);
    await fetchPublicSet(tiny.set, options);
    expect(server.requests.length).toBe(4);
    expect(log.at(-1)).toBe(`Tiny is complete in ${root}`);
  });

  test('is asked only for what is missing or wrong', async () => {
    const root = await temporaryFolder();
    await writeFiles(join(root, 'tiny'), [...published].slice(1, 3));
    await writeFiles(join(root, 'tiny'), [['t10k-labels-idx1-ubyte.gz', contentOf(IMAGES)]]);
    const server = await serve((request, response) => sendFile(contentOf(request.path), request, response));
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    expect(server.requests.map((request) => request.path)).toEqual([
      `/tiny/${IMAGES}`,
      '/tiny/t10k-labels-idx1-ubyte.gz',
    ]);
    expect(await filesBelow(root)).toEqual(COMPLETE);
  });

  test('may decompress on the way: the content counts', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      const name = request.path.split('/').at(-1)?.replace(/\.gz$/, '') ?? '';
      response.end(tiny.contents.get(name));
    });
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    expect((await loadPublicSet(tiny.set, root)).train.count).toBe(IDX_TRAIN);
  });

  test('may ship all files in one archive', async () => {
    const root = await temporaryFolder();
    const cifar = cifarSet();
    const archive = await tarGz(
      [...cifar.contents].map(([name, content]) => [`batches-bin/${name}`, content] as const),
    );
    const server = await serve((request, response) => sendFile(archive, request, response));
    const progress: (readonly [string, number, number | undefined])[] = [];
    await fetchPublicSet(cifar.set, {
      root,
      mirrors: [`${server.address}/`],
      progress: (...event) => progress.push(event),
      ...QUICK,
    });
    expect(server.requests.map((request) => request.path)).toEqual(['/tinycifar/tiny-binary.tar.gz']);
    expect(progress.at(-1)).toEqual(['tiny-binary.tar.gz', archive.length, archive.length]);
    expect((await loadPublicSet(cifar.set, root)).train.count).toBe(6);
  });
});

describe('an interrupted transfer', () => {
  test('goes on where it stopped', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      const content = contentOf(request.path);
      if (isImages(request) && request.earlier === 0) sendPart(content, 100, response);
      else sendFile(content, request, response);
    });
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    expect(server.requests.filter(isImages).map((request) => request.range)).toEqual([
      undefined,
      'bytes=100-',
    ]);
    expect(await filesBelow(root)).toEqual(COMPLETE);
  });

  test('starts again where the server cannot resume', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      const content = contentOf(request.path);
      if (isImages(request) && request.earlier === 0) sendPart(content, 100, response);
      else sendFile(content, { ...request, range: undefined }, response);
    });
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    expect(await filesBelow(root)).toEqual(COMPLETE);
  });

  test('starts again where the server resumes elsewhere, or tags nothing', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      const content = contentOf(request.path);
      if (!isImages(request) || request.range === undefined) {
        if (isImages(request) && request.earlier === 0) sendPart(content, 100, response);
        else sendFile(content, request, response);
      } else {
        response.writeHead(206, { 'content-range': `bytes 90-${content.length - 1}/${content.length}` });
        response.end(content.subarray(90));
      }
    });
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    expect(server.requests.filter(isImages).map((request) => request.range)).toEqual([
      undefined,
      'bytes=100-',
      undefined,
    ]);
  });

  test('is given up after the last attempt and leaves nothing', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      if (isImages(request)) sendPart(contentOf(request.path), 50, response);
      else sendFile(contentOf(request.path), request, response);
    });
    const attempt = fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    await expect(attempt).rejects.toMatchObject({
      code: 'QS7031',
      message: `cannot download ${server.address}/tiny/${IMAGES}: the connection was cut (3 attempts)`,
    });
    expect(await filesBelow(root)).toEqual([]);
  });
});

describe('a server that fails', () => {
  test.each([
    [404, 1, 'the server answered 404 Not Found'],
    [403, 1, 'the server answered 403 Forbidden'],
    [503, 3, 'the server answered 503 Service Unavailable (3 attempts)'],
    [429, 3, 'the server answered 429 Too Many Requests (3 attempts)'],
  ])('with %i is asked %i times', async (status, times, words) => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      if (isImages(request)) response.writeHead(status).end('no');
      else sendFile(contentOf(request.path), request, response);
    });
    const attempt = fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    await expect(attempt).rejects.toMatchObject({ code: 'QS7031', message: expect.stringContaining(words) });
    expect(server.requests.filter(isImages).length).toBe(times);
    expect(await filesBelow(root)).toEqual([]);
  });

  test('once is asked again', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      if (request.earlier === 0) response.writeHead(500).end();
      else sendFile(contentOf(request.path), request, response);
    });
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    expect(await filesBelow(root)).toEqual(COMPLETE);
  });

  test('is replaced by the next mirror', async () => {
    const root = await temporaryFolder();
    const gone = await serve((_, response) => response.writeHead(404).end());
    const good = await serve((request, response) => sendFile(contentOf(request.path), request, response));
    await fetchPublicSet(tiny.set, { root, mirrors: [gone.address, good.address], ...QUICK });
    expect([gone.requests.length, good.requests.length]).toEqual([4, 4]);
  });

  test('by not being there is named', async () => {
    const root = await temporaryFolder();
    const mirrors = [`http://127.0.0.1:${await unusedPort()}`];
    const attempt = fetchPublicSet(tiny.set, { root, mirrors, ...QUICK });
    const message = expect.stringContaining('the connection was refused (3 attempts)');
    await expect(attempt).rejects.toMatchObject({ code: 'QS7031', message });
  });

  test.each(['ftp://127.0.0.1/data', 'mirror', 'file:///etc'])(
    'by having the address %s is not asked',
    async (mirror) => {
      const root = await temporaryFolder();
      const attempt = fetchPublicSet(tiny.set, { root, mirrors: [mirror], ...QUICK });
      await expect(attempt).rejects.toMatchObject({
        code: 'QS7031',
        message: expect.stringContaining('not an http address'),
      });
    },
  );
});

describe('a slow server', () => {
  test('that stalls is given up, and leaves nothing', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 999 });
      response.write(contentOf(request.path).subarray(0, 10));
    });
    const attempt = fetchPublicSet(tiny.set, {
      root,
      mirrors: [server.address],
      ...QUICK,
      attempts: 2,
      stallMs: 60,
    });
    await expect(attempt).rejects.toMatchObject({
      code: 'QS7031',
      message: expect.stringContaining('nothing arrived for 0.06 s (2 attempts)'),
    });
    expect(await filesBelow(root)).toEqual([]);
  });

  test('that goes on sending is waited for', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      const content = contentOf(request.path);
      if (!isImages(request)) return sendFile(content, request, response);
      let sent = 0;
      const timer = setInterval(() => {
        response.write(content.subarray(sent, sent + 60));
        sent += 60;
        if (sent < content.length) return;
        clearInterval(timer);
        response.end();
      }, 40);
    });
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK, stallMs: 150 });
    expect(await filesBelow(root)).toEqual(COMPLETE);
  });

  test('can be interrupted by the user, and leaves nothing', async () => {
    const root = await temporaryFolder();
    const user = new AbortController();
    const server = await serve((request, response) => {
      response.write(contentOf(request.path).subarray(0, 10), () => setTimeout(() => user.abort(), 30));
    });
    const attempt = fetchPublicSet(tiny.set, {
      root,
      mirrors: [server.address],
      signal: user.signal,
      ...QUICK,
    });
    await expect(attempt).rejects.toMatchObject({ name: 'AbortError' });
    expect(await filesBelow(root)).toEqual([]);
  });
});

describe('wrong content', () => {
  const truncated = (content: Uint8Array) => content.subarray(0, content.length - 20);
  const flipped = gzipSync(noiseBytes(16 + IDX_TRAIN * 24, 5));
  test.each([
    [
      'that is cut short',
      truncated(contentOf(IMAGES)),
      'is truncated: its compressed data ends before the expected 304 bytes',
    ],
    ['of another set', flipped, 'is not the published train-images-idx3-ubyte'],
    [
      'that is a page of text',
      new TextEncoder().encode('<html>sign in to this network</html>'),
      'is truncated: it holds 36 bytes',
    ],
    ['that is empty', new Uint8Array(), 'it holds 0 bytes'],
  ])('%s is discarded', async (_, wrong, words) => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      sendFile(isImages(request) ? wrong : contentOf(request.path), request, response);
    });
    const attempt = fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    await expect(attempt).rejects.toMatchObject({
      code: 'QS7032',
      message: expect.stringContaining(
        `${IMAGES} sent was discarded: ${IMAGES} ${words.startsWith('is') ? words : ''}`,
      ),
    });
    await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining(words) });
    expect(server.requests.filter(isImages).length).toBe(2);
    expect(await filesBelow(root)).toEqual([]);
  });

  test('that came once is fetched again', async () => {
    const root = await temporaryFolder();
    const server = await serve((request, response) => {
      const content = contentOf(request.path);
      sendFile(request.earlier === 0 ? truncated(content) : content, request, response);
    });
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    expect(await filesBelow(root)).toEqual(COMPLETE);
  });

  test('without end is cut off', async () => {
    const root = await temporaryFolder();
    const server = await serve((_, response) => {
      const block = new Uint8Array(1 << 20);
      const more = (): void => {
        if (!response.destroyed) response.write(block, more);
      };
      more();
    });
    const attempt = fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    await expect(attempt).rejects.toMatchObject({
      code: 'QS7031',
      message: expect.stringContaining('the server sends more than'),
    });
    expect(await filesBelow(root)).toEqual([]);
  });

  test('leaves the old file where it cannot be replaced', async () => {
    const root = await temporaryFolder();
    await writeFiles(join(root, 'tiny'), [[IMAGES, 'old and wrong']]);
    const server = await serve((_, response) => response.writeHead(404).end());
    const attempt = fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    await expect(attempt).rejects.toMatchObject({ code: 'QS7031' });
    expect(await readFile(join(root, 'tiny', IMAGES), 'utf8')).toBe('old and wrong');
  });

  test('that stood there before and hides the right file is named', async () => {
    const root = await temporaryFolder();
    await writeFiles(join(root, 'tiny'), [['train-labels-idx1-ubyte', 'wrong']]);
    const server = await serve((request, response) => sendFile(contentOf(request.path), request, response));
    const attempt = fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    await expect(attempt).rejects.toMatchObject({
      code: 'QS7005',
      message: expect.stringContaining(join(root, 'tiny', 'train-labels-idx1-ubyte')),
      hint: expect.stringContaining('delete the file'),
    });
  });
});

describe('the data folder', () => {
  test('loses the parts that killed processes left, and no others', async () => {
    const root = await temporaryFolder();
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const folder = join(root, 'tiny');
    await writeFiles(folder, [
      [`.${IMAGES}.${dead}.part`, 'half'],
      [`.${IMAGES}.${process.ppid}.part`, 'another process is at it'],
      ['notes.part', 'mine'],
    ]);
    const server = await serve((request, response) => sendFile(contentOf(request.path), request, response));
    await fetchPublicSet(tiny.set, { root, mirrors: [server.address], ...QUICK });
    expect(await filesBelow(root)).toEqual(
      [`.${IMAGES}.${process.ppid}.part`, 'notes.part', ...COMPLETE].sort(),
    );
  });

  test('that cannot be made is named', async () => {
    const root = await temporaryFolder();
    await writeFile(join(root, 'file'), '');
    const attempt = fetchPublicSet(tiny.set, {
      root: join(root, 'file'),
      mirrors: ['http://127.0.0.1:9'],
      ...QUICK,
    });
    await expect(attempt).rejects.toMatchObject({
      code: 'QS7051',
      message: expect.stringContaining('not a folder'),
    });
  });
});

test('without a mirror the public home is asked, through the fetch that was given', async () => {
  const root = await temporaryFolder();
  const asked: string[] = [];
  const fetchImpl: typeof fetch = async (input) => {
    asked.push(String(input));
    return new Response(Buffer.from(contentOf(String(input))));
  };
  await fetchPublicSet(tiny.set, { root, fetchImpl, ...QUICK });
  expect(asked).toEqual([...published.keys()].map((name) => `http://home.invalid/${name}`));
});

test('QSPEC_MIRROR names the mirrors', async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, 'data'));
  const server = await serve((_, response) => response.writeHead(404).end());
  process.env['QSPEC_MIRROR'] = `${server.address}/a ${server.address}/b/`;
  try {
    await expect(fetchDataset('fashion_mnist', { root: join(root, 'data'), ...QUICK })).rejects.toMatchObject(
      { code: 'QS7031' },
    );
  } finally {
    delete process.env['QSPEC_MIRROR'];
  }
  expect(server.requests.map((request) => request.path)).toEqual([
    `/a/fashion-mnist/${IMAGES}`,
    `/b/fashion-mnist/${IMAGES}`,
  ]);
});

test('an unknown name is refused with those that are known', async () => {
  await expect(fetchDataset('imagenet', { root: '/nowhere' })).rejects.toMatchObject({
    code: 'QS7030',
    hint: 'the names are mnist, fashion-mnist, cifar10',
  });
  expect(FETCHABLE).toEqual(['mnist', 'fashion-mnist', 'cifar10']);
});

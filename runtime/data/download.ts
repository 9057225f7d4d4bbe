import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataError, dataError, systemCode, writeFailure } from '../storage/data-error.ts';

export interface DownloadOptions {
  readonly fetchImpl?: typeof fetch;
  readonly signal?: AbortSignal | undefined;
  /** Called as bytes arrive; `total` where the server says it. */
  readonly progress?: ((received: number, total: number | undefined) => void) | undefined;
  /** Attempts in all; 5 where absent. */
  readonly attempts?: number;
  /** Pause before the second attempt, doubled before each further one; 1000 where absent. */
  readonly delayMs?: number;
  /** A connection on which nothing arrives for so long is given up; 30 000 where absent. */
  readonly stallMs?: number;
  /** A server that sends more is cut off. */
  readonly maxBytes: number;
}

/** An attempt that failed; `again` says whether another one may succeed. */
class AttemptFailure extends Error {
  readonly again: boolean;

  constructor(reason: string, again: boolean) {
    super(reason);
    this.again = again;
  }
}

/** What has arrived so far, and the tag by which the server can tell whether its file is still the same. */
interface Transfer {
  readonly file: FileHandle;
  readonly path: string;
  received: number;
  tag: string | undefined;
}

/**
 * Downloads `url` to `path`, which is synced on return. An interrupted transfer goes on where it stopped if the server
 * can do that and its file has not changed, else from the start.
 *
 * @throws DataError where the server does not send the file or it cannot be written; `path` may then hold a part of it
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const attempts = options.attempts ?? 5;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw dataError('QS7031', { url, reason: 'this is not an http address', attempts: 1 });
  }
  const file = await open(path, 'w').catch((failure: unknown) => {
    throw writeFailure(path, failure);
  });
  const transfer: Transfer = { file, path, received: 0, tag: undefined };
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await receive(url, transfer, options);
        break;
      } catch (failure) {
        options.signal?.throwIfAborted();
        if (failure instanceof DataError) throw failure;
        const again = !(failure instanceof AttemptFailure) || failure.again;
        if (!again || attempt >= attempts)
          throw dataError('QS7031', { url, reason: networkReason(failure), attempts: attempt });
      }
      await sleep(
        (options.delayMs ?? 1000) * 2 ** (attempt - 1),
        undefined,
        options.signal ? { signal: options.signal } : {},
      );
    }
    await writing(path, () => file.sync());
  } finally {
    await file.close();
  }
}

/** One attempt: asks for what is missing and appends it. */
async function receive(url: string, transfer: Transfer, options: DownloadOptions): Promise<void> {
  const stalled = new AbortController();
  const stallMs = options.stallMs ?? 30_000;
  const onStall = () => stalled.abort(new AttemptFailure(`nothing arrived for ${stallMs / 1000} s`, true));
  let timer = setTimeout(onStall, stallMs);
  const signal = options.signal ? AbortSignal.any([options.signal, stalled.signal]) : stalled.signal;
  try {
    const response = await (options.fetchImpl ?? fetch)(url, { headers: requestHeaders(transfer), signal });
    const total = await accept(response, transfer);
    if (response.body === null) throw new AttemptFailure('the server sent no content', true);
    for await (const chunk of response.body) {
      clearTimeout(timer);
      timer = setTimeout(onStall, stallMs);
      if (transfer.received + chunk.length > options.maxBytes) {
        throw new AttemptFailure(`the server sends more than ${options.maxBytes} bytes`, false);
      }
      await writing(transfer.path, () => writeAt(transfer.file, chunk, transfer.received));
      transfer.received += chunk.length;
      options.progress?.(transfer.received, total);
    }
    if (total !== undefined && transfer.received < total) {
      throw new AttemptFailure(`the transfer ended after ${transfer.received} of ${total} bytes`, true);
    }
  } catch (failure) {
    // fetch reports an abort as its own error; the reason that was given says more.
    throw stalled.signal.aborted ? stalled.signal.reason : failure;
  } finally {
    clearTimeout(timer);
    // Frees the connection where the body was not read to its end.
    stalled.abort();
  }
}

/** Encoded transfers could not be resumed by byte, so none is asked for. */
function requestHeaders({ received, tag }: Transfer): Record<string, string> {
  const headers = { 'accept-encoding': 'identity' };
  return received > 0 && tag !== undefined
    ? { ...headers, range: `bytes=${received}-`, 'if-range': tag }
    : headers;
}

/** Reads a response's status and sets the transfer to where its body starts; returns the file's size where it is said. */
async function accept(response: Response, transfer: Transfer): Promise<number | undefined> {
  const { status, headers } = response;
  if (status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
    if (Number(start) === transfer.received) return total === '*' ? undefined : Number(total);
    transfer.tag = undefined;
    throw new AttemptFailure('the server resumed at another place than asked', true);
  }
  if (status !== 200) {
    transfer.tag = undefined;
    throw new AttemptFailure(
      `the server answered ${status} ${response.statusText}`.trimEnd(),
      status >= 500 || [408, 416, 429].includes(status),
    );
  }
  await writing(transfer.path, () => transfer.file.truncate(0));
  transfer.received = 0;
  const encoded = headers.get('content-encoding') !== null;
  const tag = headers.get('etag');
  // A weak tag does not promise the same bytes.
  transfer.tag = encoded || tag?.startsWith('W/') ? undefined : (tag ?? undefined);
  const length = headers.get('content-length');
  return encoded || length === null ? undefined : Number(length);
}

/** Writes all of `chunk`: on a disk that is nearly full a single call may write only a part. */
async function writeAt(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

async function writing<T>(path: string, operation: () => Promise<T>): Promise<T> {
  return operation().catch((failure: unknown) => {
    throw writeFailure(path, failure);
  });
}

const NETWORK_REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'the server’s name cannot be resolved'],
  ['EAI_AGAIN', 'the server’s name cannot be resolved'],
  ['ECONNREFUSED', 'the connection was refused'],
  ['ECONNRESET', 'the connection was cut'],
  ['UND_ERR_SOCKET', 'the connection was cut'],
  ['ETIMEDOUT', 'the connection timed out'],
  ['UND_ERR_CONNECT_TIMEOUT', 'the connection timed out'],
  ['ENETUNREACH', 'the network cannot be reached'],
]);

/** fetch hides the system's error in `cause`. */
function networkReason(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const code = systemCode(failure.cause) ?? systemCode(failure);
  return (
    (code && NETWORK_REASONS.get(code)) ??
    code ??
    (failure.cause instanceof Error ? failure.cause : failure).message
  );
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Request {
  readonly path: string;
  readonly range: string | undefined;
  /** How many requests for the same path came before. */
  readonly earlier: number;
}

export interface Server {
  readonly address: string;
  readonly requests: readonly Request[];
}

type Handler = (request: Request, response: ServerResponse) => void;

/** An HTTP server on the loopback interface that ends with the running test. */
export async function serve(handler: Handler): Promise<Server> {
  const requests: Request[] = [];
  const server = createServer((message: IncomingMessage, response) => {
    const path = message.url ?? '';
    const earlier = requests.filter((request) => request.path === path).length;
    const request = { path, range: message.headers.range, earlier };
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Sends the whole content, or the range that was asked for, as a file server does. */
export function sendFile(
  content: Uint8Array,
  request: Request,
  response: ServerResponse,
  etag = '"v1"',
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.range ?? '')?.[1] ?? 0);
  const body = content.subarray(start);
  const range =
    start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { etag, 'content-length': body.length, ...range });
  response.end(body);
}

/** Announces the whole content, sends the first bytes of it and cuts the connection. */
export function sendPart(content: Uint8Array, bytes: number, response: ServerResponse, etag = '"v1"'): void {
  response.writeHead(200, { etag, 'content-length': content.length });
  response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
}

/** A port on the loopback interface that nothing listens on. */
export async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

import { runFailure } from '../failure.ts';

/** Threads that a run may have: onnxruntime ends the process where the system grants it fewer than it asks for. */
export const MAX_THREADS = 256;

/** What a run was started with and on: `environment.json`. No path of the machine stands in it. */
export interface RunRecord {
  readonly name: string;
  /** Hash of the compiled spec. */
  readonly hash: string;
  readonly seed: number;
  readonly epochs: number;
  readonly engine: 'onnx' | 'tfjs' | 'reference';
  readonly threads: number;
  /** Epochs after which formats that are `auto` are derived anew; 0 for never, or where the spec has none. */
  readonly refresh: number;
  /** What the engine says of itself: library, version, backend. */
  readonly engineDescription: string;
  readonly qspec: string;
  readonly node: string;
  readonly platform: string;
}

/** @throws RunFailure where the text is not a run's record */
export function parseRunRecord(text: string, path: string): RunRecord {
  const record = parseObject(text) ?? {};
  const malformed = (key: string) => runFailure('QS7105', { path, reason: `it has no valid '${key}'` });
  const word = (key: keyof RunRecord): string => {
    const value = record[key];
    if (typeof value !== 'string') throw malformed(key);
    return value;
  };
  const count = (key: keyof RunRecord): number => {
    const value = record[key];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw malformed(key);
    return value;
  };
  const engine = word('engine');
  if (engine !== 'onnx' && engine !== 'tfjs' && engine !== 'reference') throw malformed('engine');
  // Runs of earlier versions have no such entry, for they had no formats to derive.
  const refresh = record['refresh'] === undefined ? 0 : count('refresh');
  const threads = count('threads');
  if (threads > MAX_THREADS) throw malformed('threads');
  return {
    name: word('name'),
    hash: word('hash'),
    seed: count('seed'),
    epochs: count('epochs'),
    engine,
    threads,
    refresh,
    engineDescription: word('engineDescription'),
    qspec: word('qspec'),
    node: word('node'),
    platform: word('platform'),
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null
      ? (json as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

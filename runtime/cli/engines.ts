import { availableParallelism } from 'node:os';
import type { Engine } from '../engines/engine.ts';
import type { Provider } from '../engines/onnx-provider.ts';
import { UsageFailure } from './failures.ts';

export type EngineName = Engine['name'];

/** Options of the commands that run graphs. */
export interface EngineOptions {
  readonly engine?: EngineName;
  readonly threads?: number;
  readonly provider?: Provider;
  readonly contribOps?: boolean;
}

export function defaultThreads(): number {
  return Math.min(8, availableParallelism());
}

/** Loads an engine's library, and nothing before it is asked for. @throws EngineUnavailable */
export async function openEngine(
  name: EngineName,
  threads: number,
  { provider = 'cpu', contribOps = false }: Pick<EngineOptions, 'provider' | 'contribOps'> = {},
): Promise<Engine> {
  if (provider !== 'cpu' && name !== 'onnx')
    throw new UsageFailure(`--provider is of the onnx engine: the ${name} engine has none`);
  if (contribOps && name !== 'onnx')
    throw new UsageFailure(`--contrib-ops is of the onnx engine: the ${name} engine has none`);
  switch (name) {
    case 'onnx':
      return (await import('../engines/onnx.ts')).createOnnxEngine({ threads, provider, contribOps });
    case 'tfjs':
      return (await import('../engines/tfjs.ts')).createTfjsEngine();
    case 'reference':
      return (await import('../engines/reference.ts')).createReferenceEngine();
  }
}

import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import type { Source } from '../compiler/source/source.ts';
import { collectInOneGo } from '../runtime/cli/collector.ts';
import type { OnnxEngineOptions } from '../runtime/engines/onnx.ts';
import { decodeSafetensors, encodeSafetensors } from '../runtime/storage/safetensors.ts';
import { compileSource } from './step-case.ts';
import { onnxTraining, productsTraining, type Training, tfjsTraining } from './step-training.ts';

/**
 * One engine in a process of its own: reads a command a line, as JSON, and answers with one line. `bench/peers/worker.py` speaks the same.
 */
type Command =
  | {
      readonly command: 'load';
      readonly engine: 'onnx' | 'tfjs';
      readonly source: Source;
      readonly tensors: string;
      readonly options: OnnxEngineOptions;
    }
  | { readonly command: 'load-product'; readonly size: number; readonly options: OnnxEngineOptions }
  | { readonly command: 'step'; readonly outputs: string }
  | { readonly command: 'time'; readonly steps: number };

// As `qspec train` does.
collectInOneGo();

let training: Training | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line) as Command).catch((failure: unknown) => ({
    error: failure instanceof Error ? failure.message : String(failure),
  }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

async function answer(request: Command): Promise<object> {
  if (request.command === 'load-product') {
    training = await productsTraining(request.size, request.options);
    return { version: training.description };
  }
  if (request.command === 'load') {
    const { program } = compileSource(request.source);
    const { tensors } = decodeSafetensors(readFileSync(request.tensors), request.tensors);
    training =
      request.engine === 'onnx'
        ? await onnxTraining(program, tensors, request.options)
        : await tfjsTraining(program, request.source, tensors);
    return { version: training.description };
  }
  if (training === undefined) throw new Error('nothing is loaded');
  if (request.command === 'step') {
    await training.step();
    const bytes = encodeSafetensors({ tensors: await training.outputs(), metadata: new Map() });
    writeFileSync(request.outputs, bytes);
    return {};
  }
  const times: number[] = [];
  const processorTimes: number[] = [];
  for (let i = 0; i < request.steps; i++) {
    const usage = process.cpuUsage();
    const start = performance.now();
    await training.step();
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(usage);
    processorTimes.push((user + system) / 1000);
  }
  return { times, processorTimes };
}

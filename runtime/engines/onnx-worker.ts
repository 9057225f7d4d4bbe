import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import type { Tensors } from './engine.ts';
import { OnnxExecutable } from './onnx-executable.ts';
import { loadOnnxRuntime } from './onnx-runtime.ts';
import type { Answer, Job, Task } from './onnx-shards.ts';

/** A thread that runs some shards of a step, one after the other, each time it is asked. */

const { prepared, options } = workerData as Task;
const runtime = await loadOnnxRuntime();
const executables: OnnxExecutable[] = [];
for (const graph of prepared) executables.push(await OnnxExecutable.open(runtime, graph, options));

function answer(message: Answer, transferred: readonly TransferListItem[] = []): void {
  parentPort?.postMessage(message, transferred);
}

parentPort?.on('message', async (job: Job) => {
  if (job === 'close') {
    for (const executable of executables) await executable.dispose();
    parentPort?.close();
    return;
  }
  try {
    const results: Tensors[] = [];
    for (const [i, executable] of executables.entries()) {
      results.push(await executable.run(job.inputs[i] ?? new Map(), job.step));
    }
    answer(
      { results },
      results.flatMap((tensors) => [...tensors.values()].map(({ data }) => data.buffer as ArrayBuffer)),
    );
  } catch (failure) {
    answer({ failure: failure instanceof Error ? failure.message : String(failure) });
  }
});
answer('ready');

import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import { loadOnnxRuntime } from './onnx-runtime.ts';
import { type Answer, buffersOf, type Job, OwnLane, type Task } from './onnx-shards.ts';

/** A thread that runs some shards of a step, one after the other, each time it is asked. */

const lane = await OwnLane.open(await loadOnnxRuntime(), workerData as Task);

function answer(message: Answer, transferred: readonly TransferListItem[] = []): void {
  parentPort?.postMessage(message, transferred);
}

parentPort?.on('message', async (job: Job) => {
  if (job === 'close') {
    await lane.dispose();
    parentPort?.close();
    return;
  }
  try {
    const results = await lane.run(job.inputs, job.step);
    answer({ results }, buffersOf(results));
  } catch (failure) {
    answer({ failure: failure instanceof Error ? failure.message : String(failure) });
  }
});
answer('ready');

import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 look through its heap in one go instead of piece by piece beside the program. Results of a step are megabytes in buffers outside the heap; V8 takes their growth
 * for pressure and begins to mark every dozen steps, with a thread of its own on the core that the engine's second thread needs: a sixth of an
 * epoch of CNN-2. In one go it is some milliseconds a few times an epoch. It holds for the whole process, so that it is for commands to ask for.
 */
export function collectInOneGo(): void {
  setFlagsFromString('--no-incremental-marking');
}

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { qspec } from './cli.ts';
import { folderWith } from './refusal.ts';
import { SMALL_SPEC } from './small-spec.ts';

/** Bytes with one bit of them flipped. */
export function flipped(content: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(content);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/**
 * A folder of runs to spoil copies of: of `s.qspec` the finished `run` and the interrupted `half`, and `other`, whose spec
 * differs and whose tensors have the same shapes.
 */
export class Runs {
  readonly folder = mkdtempSync(join(tmpdir(), 'qspec-runs-'));

  async make(): Promise<void> {
    const small = SMALL_SPEC.replace('samples: 192, test: 60', 'samples: 48, test: 20');
    writeFileSync(join(this.folder, 's.qspec'), small);
    writeFileSync(join(this.folder, 'o.qspec'), small.replace('3e-3', '4e-3'));
    for (const [spec, out] of [
      ['s.qspec', 'run'],
      ['o.qspec', 'other'],
    ] as const) {
      const argv = ['train', spec, '--out', out, '--threads', '1'];
      expect(await qspec(argv, { cwd: this.folder })).toMatchObject({ exitCode: 0 });
    }
    cpSync(join(this.folder, 'run'), join(this.folder, 'half'), { recursive: true });
    for (const name of ['summary.json', 'model.onnx', 'model.safetensors', 'calibration.safetensors'])
      rmSync(join(this.folder, 'half', name));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A folder with the spec and, as `run`, a copy of a run in which one file is another. */
  copy(from: 'run' | 'half', file: string, content: Uint8Array | string): string {
    const cwd = folderWith({});
    cpSync(join(this.folder, from), join(cwd, 'run'), { recursive: true });
    cpSync(join(this.folder, 's.qspec'), join(cwd, 's.qspec'));
    writeFileSync(join(cwd, 'run', file), content);
    return cwd;
  }
}

/** Goes on with the run of such a folder. */
export const RESUME: readonly string[] = ['train', 's.qspec', '--out', 'run', '--resume'];

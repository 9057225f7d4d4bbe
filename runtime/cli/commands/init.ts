import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { EXIT, type ExitCode } from '../../failure.ts';
import { systemCode, systemReason } from '../../storage/data-error.ts';
import { writeFiles } from '../../storage/folder.ts';
import { type Context, print, say } from '../context.ts';
import { UsageFailure } from '../failures.ts';

export const SPEC = `# A small convolutional net on drawn digits, trained with int8 weights, activations and gradients.
spec demo

data glyphs(samples: 4000, test: 1000, seed: 1) { batch: 64, validation: 500 }

model Demo(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> conv(8, kernel: 3, pad: 1) as c1 |> relu |> maxpool(2)
    |> conv(16, kernel: 3, pad: 1) as c2 |> relu |> maxpool(2)
    |> flatten |> dense(10) as f1
}

train {
  F = forward(Demo) |> cross_entropy
  B = backward(F)
  U = adam(lr: cosine(3e-3, 0))
  T = U ∘ B ∘ F
  epochs: 3
}

precision {
  weights: int8 per channel
  activations: int8
  gradients: int8 stochastic
}

export onnx { opset: 21, scheme: qdq }
`;

const README = `# A QSpec project

\`demo.qspec\` declares a model, one training step and the format of every tensor in it.

    npx qspec check demo.qspec      # what is wrong with it
    npx qspec explain demo.qspec    # every tensor with its format, and why
    npx qspec train demo.qspec      # trains into runs/demo and exports runs/demo/model.onnx
    npx qspec verify runs/demo      # proves that the exported model computes what was trained
`;

const FILES: ReadonlyMap<string, string> = new Map([
  ['demo.qspec', SPEC],
  ['README.md', README],
  ['.gitignore', 'node_modules/\nruns/\ngenerated/\n'],
]);

/** `qspec init DIR`: into a new or an empty folder, so that nothing is overwritten. */
export async function init(context: Context, dir: string): Promise<ExitCode> {
  const folder = resolve(context.io.cwd, dir);
  const found = await readdir(folder).catch((failure: unknown) => {
    if (systemCode(failure) === 'ENOENT') return [];
    throw new UsageFailure(`cannot write to ${dir}: ${systemReason(failure)}`);
  });
  if (found.length > 0) throw new UsageFailure(`${dir} is not empty`);
  await writeFiles(folder, FILES);
  for (const name of FILES.keys()) print(context, join(dir, name));
  say(context, `next: cd ${dir} && npx qspec train demo.qspec`);
  return EXIT.ok;
}

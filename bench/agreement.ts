import type { TrainingProgram } from '../compiler/lower/program.ts';
import { compile } from '../compiler/pipeline.ts';
import {
  type Agreement,
  describeDivergence,
  measureAgreement,
  programAtBatch,
} from '../runtime/engines/agreement/agreement.ts';
import type { DriftFigures } from '../runtime/engines/agreement/drift.ts';
import { createOnnxEngine } from '../runtime/engines/onnx.ts';
import { createTfjsEngine } from '../runtime/engines/tfjs.ts';
import type { Bench, Measurement } from './main.ts';
import { repositorySpecs } from './specs.ts';

const SPECS = ['cnn2-mnist', 'cnn4-fashion', 'resnet8-cifar10', 't0-regression', 'mixed-formats'];
const BATCH = 4;
const STEPS = Number(process.env['QSPEC_STEPS'] ?? 200);
const SEED = 5;

/**
 * The onnx and the tfjs engine against the float64 reference and each other, on the models that the project reports on: the largest
 * error of each op as a fraction of its stated bound, the codes that flipped at ties, and how far whole steps drift apart. `QSPEC_NETS` chooses
 * models, `QSPEC_STEPS` the number of steps.
 */
export const benchAgreement: Bench = async () => {
  const engines = [await createOnnxEngine(), await createTfjsEngine()] as const;
  const measurements: Measurement[] = [];
  const models = process.env['QSPEC_NETS']?.split(',') ?? SPECS;
  for (const source of repositorySpecs()) {
    const model = source.path.replace(/\.qspec$/, '');
    const compiled = models.includes(model) ? compile(source).value : undefined;
    if (!compiled) continue;
    const program = programAtBatch(compiled, BATCH);
    const started = performance.now();
    const agreement = await measureAgreement(program, engines, { steps: STEPS, seed: SEED });
    for (const divergence of agreement.divergences) {
      process.stderr.write(`${describeDivergence(divergence, source)}\n`);
    }
    measurements.push(
      ...opMeasurements(model, agreement),
      ...driftMeasurements(model, agreement, program),
      { name: `${model} divergences`, value: agreement.divergences.length, unit: 'tensors' },
      { name: `${model} infinite or NaN`, value: agreement.nonFinite, unit: 'elements' },
      { name: `${model} time`, value: (performance.now() - started) / 1000 / STEPS, unit: 's/step' },
    );
  }
  return measurements;
};

function opMeasurements(model: string, { ops }: Agreement): Measurement[] {
  return [...ops].flatMap(([op, subjects]) =>
    [...subjects].flatMap(([subject, { elements, largest, flips, largestTie }]): Measurement[] => {
      const name = `${model} ${op}, ${subject}`;
      const error = { name: `${name}, error`, value: largest, unit: 'of the bound' };
      if (flips === 0) return [error];
      return [
        error,
        { name: `${name}, flips`, value: flips, unit: `of ${elements} codes` },
        { name: `${name}, distance from a tie`, value: largestTie, unit: 'of the proved one' },
      ];
    }),
  );
}

/** Relative drift: of loss and logits, and of the worst tensor of each role. */
function driftMeasurements(model: string, { drift }: Agreement, program: TrainingProgram): Measurement[] {
  const roles = new Map<string, string>(program.tensors.map(({ name, role }) => [name, `${role}s`]));
  return [...drift].flatMap(([pair, tensors]) => {
    const groups = new Map<string, DriftFigures[]>();
    for (const [name, figures] of tensors) {
      const group = roles.get(name) ?? name;
      groups.set(group, [...(groups.get(group) ?? []), figures]);
    }
    return [...groups].flatMap(([group, figures]): Measurement[] => {
      const name = `${model} ${pair}, drift of ${group}`;
      const worst = (pick: (f: DriftFigures) => number) => Math.max(...figures.map(pick));
      return [
        { name: `${name}, median`, value: worst((f) => f.median.relative), unit: 'relative' },
        { name: `${name}, largest`, value: worst((f) => f.largest.relative), unit: 'relative' },
      ];
    });
  });
}

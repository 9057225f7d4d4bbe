import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import { lowerCalibration, meanCalibration } from '../../compiler/lower/deploy/calibration.ts';
import { lowerEvaluation, lowerReal } from '../../compiler/lower/deploy/evaluation.ts';
import { freeze } from '../../compiler/lower/deploy/freeze.ts';
import type { FormatPlan } from '../../compiler/lower/plan.ts';
import { evaluationBatches } from '../data/batches.ts';
import type { Dataset, Split } from '../data/split.ts';
import type { Engine, Executable, Tensors } from '../engines/engine.ts';
import { batchTensors } from './batch-tensors.ts';
import type { Scores } from './metrics.ts';
import type { TrainedModel } from './model-file.ts';
import {
  addSums,
  countCorrect,
  crossEntropySum,
  meanScore,
  NO_SAMPLES,
  type Score,
  squaredErrorSum,
} from './score.ts';
import { type State, withDtype } from './state.ts';

/** Training batches from whose scales the deployed activation scales are averaged. */
const CALIBRATION_BATCHES = 8;

/** Samples that one run of an evaluation graph reads. */
const EVALUATION_BATCH = 250;

/** The graphs of a model outside training, made ready by an engine. */
export class Deployment {
  readonly #spec: CheckedSpec;
  readonly #plan: FormatPlan;
  readonly #dataset: Dataset;
  readonly #batch: number;
  readonly #calibrationBatch: number;
  readonly #loaded = new Map<string, Promise<Executable>>();
  readonly #load: (kind: 'calibration' | 'deployed' | 'float32') => Promise<Executable>;

  constructor(engine: Engine, spec: CheckedSpec, plan: FormatPlan, dataset: Dataset) {
    const { train, validation, test } = dataset;
    this.#spec = spec;
    this.#plan = plan;
    this.#dataset = dataset;
    this.#batch = Math.min(EVALUATION_BATCH, Math.max(validation.count, test.count, 1));
    this.#calibrationBatch = Math.min(spec.data.batch === 'all' ? train.count : spec.data.batch, train.count);
    this.#load = (kind) => {
      const known = this.#loaded.get(kind);
      if (known) return known;
      const graph =
        kind === 'calibration'
          ? lowerCalibration(spec, plan, this.#calibrationBatch)
          : kind === 'deployed'
            ? lowerEvaluation(spec, plan, this.#batch)
            : lowerReal(spec, plan, this.#batch);
      // Evaluation draws no noise, so any seed gives the same numbers.
      const executable = engine.load(graph, { seed: 0 });
      this.#loaded.set(kind, executable);
      return executable;
    };
  }

  /** Scales that deployment keeps fixed: means over the first training batches in file order. */
  async calibrate(state: State): Promise<FloatTensors> {
    const calibration = await this.#load('calibration');
    const size = this.#calibrationBatch;
    const measured: FloatTensors[] = [];
    const { train, sampleShape } = this.#dataset;
    for (const batch of evaluationBatches(train, sampleShape, size)) {
      if (batch.valid < size || measured.length === CALIBRATION_BATCHES) break;
      measured.push(floats(await calibration.run(new Map([...state, ...batchTensors(batch)]), 0)));
    }
    return meanCalibration(measured);
  }

  /** The model in f32, nothing quantized. */
  async scoreFloat32(state: State, split: Split): Promise<Score> {
    return this.#score(await this.#load('float32'), state, split);
  }

  /** The model as it is exported: fixed scales, integer codes. */
  async scoreDeployed({ state, calibration }: TrainedModel, split: Split): Promise<Score> {
    const frozen = freeze(this.#spec, this.#plan, state, calibration);
    return this.#score(await this.#load('deployed'), withDtype(frozen.tensors), split);
  }

  async scores(model: TrainedModel, split: Split): Promise<Scores> {
    return {
      float32: await this.scoreFloat32(model.state, split),
      deployed: await this.scoreDeployed(model, split),
    };
  }

  async dispose(): Promise<void> {
    for (const executable of this.#loaded.values()) await (await executable).dispose();
    this.#loaded.clear();
  }

  async #score(executable: Executable, fixed: Tensors, split: Split): Promise<Score> {
    let sums = NO_SAMPLES;
    for (const batch of evaluationBatches(split, this.#dataset.sampleShape, this.#batch)) {
      const { labels, targets, valid: samples } = batch;
      const logits = (await executable.run(new Map([...fixed, ...batchTensors(batch)]), 0)).get('logits');
      if (!logits) throw new Error('an evaluation graph has no logits');
      if (labels) {
        const loss = crossEntropySum(logits, labels, samples);
        sums = addSums(sums, { samples, loss, correct: countCorrect(logits, labels, samples) });
      } else if (targets) {
        sums = addSums(sums, { samples, loss: squaredErrorSum(logits, targets, samples), correct: null });
      }
    }
    return meanScore(sums);
  }
}

function floats(tensors: Tensors): FloatTensors {
  return new Map([...tensors].flatMap(([name, t]) => (t.dtype === 'f32' ? [[name, t] as const] : [])));
}

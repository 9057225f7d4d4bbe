import { checkModel } from '../../compiler/emit/onnx/check-model.ts';
import { decodeModel } from '../../compiler/emit/onnx/proto.ts';
import type { FloatTensor, FloatTensors } from '../../compiler/ir/tensor.ts';
import { lowerEvaluation } from '../../compiler/lower/deploy/evaluation.ts';
import { freeze } from '../../compiler/lower/deploy/freeze.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import { lineStarts, positionAt } from '../../compiler/source/source.ts';
import { evaluationBatches } from '../data/batches.ts';
import type { Dataset } from '../data/split.ts';
import type { Engine, Executable, Tensors } from '../engines/engine.ts';
import { batchTensors } from '../train/batch-tensors.ts';
import type { TrainedModel } from '../train/model-file.ts';
import { countCorrect } from '../train/score.ts';
import { withDtype } from '../train/state.ts';
import { Tally } from './compare.ts';
import { unsupportedOperators } from './interpreter/interpret.ts';
import type { AccumulationProof } from './interpreter/products.ts';
import { countOf, type VerificationReport } from './report.ts';
import { compareStored } from './stored-codes.ts';
import {
  type InterpreterSubject,
  interpreterSubject,
  onnxSubject,
  type ReferenceBatch,
  type Subject,
  shippedSubject,
  siteCodes,
  UnusableModel,
} from './subject.ts';

export interface VerifyOptions {
  readonly engine: Engine;
  readonly threads: number;
  /** Test samples to compare; all of them unless stated. */
  readonly samples?: number;
  readonly progress?: (done: number, total: number) => void;
}

/** Samples that are evaluated at once. */
const BATCH = 250;

/**
 * Proves or refutes that an exported model computes what was trained: every stored code, every activation code and every
 * logit over the test set, in onnxruntime at `basic` and at `all` and in the integer interpreter, against the training engine's
 * evaluation graph of the trained state.
 *
 * @param bytes the exported file
 * @throws EngineUnavailable where onnxruntime is not installed
 */
export async function verify(
  compiled: Compiled,
  model: TrainedModel,
  bytes: Uint8Array,
  dataset: Dataset,
  options: VerifyOptions,
): Promise<VerificationReport> {
  const { spec, plan } = compiled;
  const decoded = decodeModel(bytes);
  const refused = (failures: readonly string[]): VerificationReport => emptyReport(spec.name, failures);
  if ('problem' in decoded) return refused([`the file is no ONNX model: ${decoded.problem}`]);
  const problems = checkModel(decoded.model);
  if (problems.length > 0) return refused(problems);

  const frozen = freeze(spec, plan, model.state, model.calibration).tensors;
  const total = Math.min(options.samples ?? dataset.test.count, dataset.test.count);
  const batch = Math.min(BATCH, Math.max(total, 1));
  const graph = lowerEvaluation(spec, plan, batch);
  const sites = graph.outputs.map(({ name }) => name).filter((name) => name !== 'logits');
  const missing = sites.filter(
    (site) => !decoded.model.graph.node.some(({ output }) => output.includes(site)),
  );
  if (missing.length > 0)
    return refused(missing.map((site) => `the file has no quantizer for ${placeOf(compiled, site)}`));

  const reference = await options.engine.load(graph, { seed: 0 });
  const subjects: Subject[] = [];
  try {
    const interpreter = await interpreterSubject(bytes, sites);
    const unsupported = unsupportedOperators(interpreter.interpreter.graph);
    if (unsupported.length > 0) return refused([`the interpreter has no ${unsupported.join(', ')}`]);
    const stored = compareStored(interpreter.interpreter.graph, frozen, (name) => placeOf(compiled, name));
    subjects.push(await onnxSubject(decoded.model, sites, frozen, 'basic', options.threads));
    subjects.push(await onnxSubject(decoded.model, sites, frozen, 'all', options.threads));
    subjects.push(await shippedSubject(bytes, 'all', options.threads));
    const compared = await compareAll({
      reference,
      interpreter,
      subjects,
      frozen,
      sites,
      dataset,
      total,
      batch,
      options,
    });
    return { spec: spec.name, ...compared, failures: [...stored, ...failuresOf(compiled, compared)] };
  } catch (failure) {
    if (failure instanceof UnusableModel) return refused([failure.message]);
    throw failure;
  } finally {
    await reference.dispose();
    for (const subject of subjects) await subject.dispose();
  }
}

interface Setup {
  readonly reference: Executable;
  readonly interpreter: InterpreterSubject;
  readonly subjects: readonly Subject[];
  readonly frozen: FloatTensors;
  readonly sites: readonly string[];
  readonly dataset: Dataset;
  readonly total: number;
  readonly batch: number;
  readonly options: VerifyOptions;
}

type Compared = Omit<VerificationReport, 'spec' | 'failures'> & { readonly beyond: number };

async function compareAll(setup: Setup): Promise<Compared> {
  const { interpreter, subjects, dataset, total, options } = setup;
  const tallies = new Map([interpreter, ...subjects].map((subject) => [subject, new Tally(subject.name)]));
  let proofs: readonly AccumulationProof[] = [];
  let first = 0;
  const correct = { engine: 0, exported: 0 };
  for (const data of evaluationBatches(dataset.test, dataset.sampleShape, setup.batch)) {
    if (first >= total) break;
    const valid = Math.min(data.valid, total - first);
    const tensors = batchTensors(data);
    const reference = await evaluateReference(setup, tensors);
    if (proofs.length === 0) proofs = await proveAccumulation(setup, reference);
    const isExact = proofs.every((proof) => proof.exact);
    // On the reference's codes where sums are not exact: there the interpreter states what any float32 sum may give.
    const interpreted = await interpreter.run(reference, !isExact);
    for (const [subject, tally] of tallies) {
      const found = subject === interpreter ? interpreted : await subject.run(reference, false);
      const same = tally.count(reference, found, valid, subject === interpreter && !isExact);
      if (same || subject.name.endsWith('shipped')) continue;
      const cut = subject === interpreter ? interpreted : await subject.run(reference, true);
      tally.layerwise(reference, cut, interpreted, valid, first);
    }
    if (data.labels) {
      const shipped = await subjects.at(-1)?.run(reference, false);
      const count = (logits: Float32Array) =>
        countCorrect(
          { dtype: 'f32', shape: [setup.batch, logits.length / setup.batch], data: logits },
          data.labels ?? new Int32Array(),
          valid,
        );
      correct.engine += count(reference.logits);
      correct.exported += shipped ? count(shipped.logits) : 0;
    }
    first += valid;
    options.progress?.(first, total);
  }
  const classes = dataset.test.labels !== undefined;
  return {
    samples: first,
    accuracy: classes
      ? { engine: correct.engine / first, exported: correct.exported / first }
      : { engine: undefined, exported: undefined },
    exact: proofs.every((proof) => proof.exact),
    proofs,
    comparisons: [...tallies.values()].map((tally) => tally.result()),
    beyond: [...tallies.values()].reduce((sum, tally) => sum + tally.logitsBeyondBound, 0),
  };
}

async function evaluateReference(
  { reference, frozen, sites }: Setup,
  tensors: Tensors,
): Promise<ReferenceBatch> {
  const x = tensors.get('x');
  if (x?.dtype !== 'f32') throw new Error('a batch has no x');
  const outputs = await reference.run(new Map([...withDtype(frozen), ['x', x] as const]), 0);
  const read = (name: string): FloatTensor => {
    const tensor = outputs.get(name);
    if (tensor?.dtype !== 'f32') throw new Error(`the evaluation graph has no '${name}'`);
    return tensor;
  };
  const values = new Map(sites.map((site) => [site, read(site)]));
  return {
    x,
    values,
    sites: new Map([...values].map(([site, value]) => [site, siteCodes(site, value, frozen)])),
    logits: read('logits').data,
  };
}

/** Whether each layer's sums are exact: a matter of the stored codes and scales alone, so any batch shows it. */
async function proveAccumulation(
  { interpreter }: Setup,
  batch: ReferenceBatch,
): Promise<readonly AccumulationProof[]> {
  return (await interpreter.run(firstRow(batch), false)).proofs;
}

function firstRow(batch: ReferenceBatch): ReferenceBatch {
  const { shape, data } = batch.x;
  const [rows = 1, ...rest] = shape;
  return { ...batch, x: { shape: [1, ...rest], data: data.slice(0, data.length / rows) } };
}

/** What the comparisons refute, each naming the first tensor concerned by layer and source line. */
function failuresOf(compiled: Compiled, { exact, comparisons, beyond }: Compared): string[] {
  const failures = comparisons.flatMap(({ name, differing, logitDifferences, layerwise }) => {
    if (exact) {
      const [site] = Object.keys(differing).filter((key) => (differing[key] ?? 0) > 0);
      if (site) {
        return [
          `${name}: ${countOf(differing)} codes differ where sums are exact, first at ${placeOf(compiled, site)}`,
        ];
      }
      return logitDifferences > 0 ? [`${name}: ${logitDifferences} logits differ where sums are exact`] : [];
    }
    const beyondTie = (layerwise ?? []).filter(({ distance, bound }) => !(distance <= bound));
    const [worst] = beyondTie;
    if (!worst) return [];
    const place = placeOf(compiled, worst.site);
    return [
      `${name}: ${beyondTie.length} codes differ on the same incoming codes further from a tie than float32 sums reach, first at ${place}`,
    ];
  });
  if (beyond > 0)
    failures.push(`${beyond} logits differ on the same incoming codes by more than float32 sums reach`);
  return failures;
}

/** A tensor with the line of the spec that its layer stands on: `'c1.weights.codes' (cnn2.qspec:12)`. */
function placeOf({ spec }: Compiled, tensor: string): string {
  const layer = [...spec.model.layers]
    .filter(({ path }) => tensor === path || tensor.startsWith(`${path}.`))
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (!layer) return `'${tensor}'`;
  const { line } = positionAt(lineStarts(spec.source.text), layer.span.start);
  return `'${tensor}' (${spec.source.path}:${line})`;
}

function emptyReport(spec: string, failures: readonly string[]): VerificationReport {
  return {
    spec,
    samples: 0,
    accuracy: { engine: undefined, exported: undefined },
    exact: false,
    proofs: [],
    comparisons: [],
    failures,
  };
}

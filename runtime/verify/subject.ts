import { encodeModel } from '../../compiler/emit/onnx/proto.ts';
import type { ModelProto } from '../../compiler/emit/onnx/schema.ts';
import type { FloatTensor, FloatTensors } from '../../compiler/ir/tensor.ts';
import { EngineUnavailable } from '../engines/engine.ts';
import type { OptimizationLevel } from '../engines/onnx.ts';
import { loadModel } from '../engines/onnx-model.ts';
import { codesOf } from './codes.ts';
import { createInterpreter, type Interpreter } from './interpreter/interpret.ts';
import type { AccumulationProof } from './interpreter/products.ts';
import { exact, type Value } from './interpreter/value.ts';
import { cutAt, GIVEN, withOutputs } from './surgery.ts';

/** What an evaluation of one batch gave: codes of every site and the logits `[N, K]`. */
export interface Evaluated {
  readonly sites: ReadonlyMap<string, Int32Array>;
  readonly logits: Float32Array;
}

/** The same, with the exact real values that were rounded, for the interpreter alone. */
export interface Interpreted extends Evaluated {
  readonly exactSites: ReadonlyMap<string, Value>;
  readonly exactLogits: Value;
  readonly proofs: readonly AccumulationProof[];
}

/** A batch as the reference evaluated it. */
export interface ReferenceBatch extends Evaluated {
  readonly x: FloatTensor;
  /** Values of the sites, as the reference computed them. */
  readonly values: ReadonlyMap<string, FloatTensor>;
}

/** Something that evaluates the exported file and is held against the reference. */
export interface Subject {
  readonly name: string;
  /** From x alone, or each layer on the codes that the reference computed. */
  run(batch: ReferenceBatch, cut: boolean): Promise<Evaluated | Interpreted>;
  dispose(): Promise<void>;
}

/** The file cannot be evaluated: it is not what was exported, however well it reads. */
export class UnusableModel extends Error {
  override readonly name = 'UnusableModel';
}

/** Runs what only the file can make fail. @throws UnusableModel with the first line of what went wrong, EngineUnavailable */
async function onFile<T>(subject: string, body: () => T | Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (failure) {
    if (failure instanceof EngineUnavailable) throw failure;
    const [reason] = (failure instanceof Error ? failure.message : String(failure)).split('\n');
    throw new UnusableModel(`${subject} cannot evaluate the file: ${reason}`, { cause: failure });
  }
}

/** The exported file in onnxruntime at an optimization level. */
export async function onnxSubject(
  model: ModelProto,
  sites: readonly string[],
  scales: FloatTensors,
  level: OptimizationLevel,
  threads: number,
): Promise<Subject> {
  const name = `onnxruntime ${level}`;
  const load = (cut: ModelProto) => onFile(name, () => loadModel(encodeModel(cut), level, threads));
  const whole = await load(withOutputs(model, sites));
  const layers = await load(cutAt(model, sites));
  return {
    name,
    run: ({ x, values }, cut) =>
      onFile(name, async () => {
        const feeds = new Map([['x', x]]);
        if (cut) {
          for (const site of sites) {
            const value = values.get(site);
            if (value) feeds.set(site + GIVEN, value);
          }
        }
        const outputs = await (cut ? layers : whole).run(feeds);
        const read = (tensorName: string) => {
          const tensor = outputs.get(tensorName);
          if (!(tensor?.data instanceof Float32Array)) throw new Error(`it has no tensor '${tensorName}'`);
          return { shape: tensor.shape, data: tensor.data };
        };
        return {
          sites: new Map(sites.map((site) => [site, siteCodes(site, read(site), scales)])),
          logits: read('logits').data,
        };
      }),
    dispose: async () => {
      await whole.dispose();
      await layers.dispose();
    },
  };
}

/** The exported file as it is shipped, nothing added to it: logits alone, so that every fusion stays possible. */
export async function shippedSubject(
  bytes: Uint8Array,
  level: OptimizationLevel,
  threads: number,
): Promise<Subject> {
  const name = `onnxruntime ${level}, as shipped`;
  const model = await onFile(name, () => loadModel(bytes, level, threads));
  return {
    name,
    run: ({ x }) =>
      onFile(name, async () => {
        const logits = (await model.run(new Map([['x', x]]))).get('logits')?.data;
        if (!(logits instanceof Float32Array)) throw new Error('it has no logits');
        return { sites: new Map(), logits };
      }),
    dispose: () => model.dispose(),
  };
}

export interface InterpreterSubject extends Subject {
  readonly interpreter: Interpreter;
  run(batch: ReferenceBatch, cut: boolean): Promise<Interpreted>;
}

/** The exported file in the integer interpreter. */
export async function interpreterSubject(
  bytes: Uint8Array,
  sites: readonly string[],
): Promise<InterpreterSubject> {
  const name = 'integer interpreter';
  const interpreter = await onFile(name, () => createInterpreter(bytes));
  const quantizers = await onFile(
    name,
    () => new Map(sites.map((site) => [site, quantizerOf(interpreter, site)])),
  );
  return {
    name,
    interpreter,
    run: ({ x, sites: given }, cut) =>
      onFile(name, () => {
        const codes = new Map<string, Int32Array>();
        if (cut) {
          for (const [site, data] of given) codes.set(quantizers.get(site) ?? site, data);
        }
        const input = exact(x.shape, Float64Array.from(x.data));
        const { values, proofs } = interpreter.run(new Map([['x', input]]), codes);
        const read = (tensorName: string) => {
          const value = values.get(tensorName);
          if (!value) throw new Error(`it does not compute '${tensorName}'`);
          return value;
        };
        const exactSites = new Map(sites.map((site) => [site, read(quantizers.get(site) ?? site)]));
        const exactLogits = read('logits');
        return {
          sites: new Map(
            [...exactSites].map(([site, { codes: own }]) => [site, own?.data ?? new Int32Array()]),
          ),
          logits: Float32Array.from(exactLogits.data),
          exactSites,
          exactLogits,
          proofs,
        };
      }),
    dispose: async () => {},
  };
}

/** The name of the codes that a site's DequantizeLinear reads. */
function quantizerOf(interpreter: Interpreter, site: string): string {
  const node = interpreter.graph.nodes.find(({ outputs }) => outputs.includes(site));
  const [codes] = node?.inputs ?? [];
  if (node?.op !== 'DequantizeLinear' || codes === undefined) {
    throw new Error(`it has no quantizer for '${site}'`);
  }
  return codes;
}

/** Codes of a site's value at the site's frozen scale. */
export function siteCodes(site: string, { shape, data }: FloatTensor, scales: FloatTensors): Int32Array {
  const scale = scales.get(`${site}.scale`);
  if (!scale) throw new Error(`'${site}' has no frozen scale`);
  return codesOf(data, shape, scale);
}

import { encodeModel } from '../../compiler/emit/onnx/proto.ts';
import type { ModelProto } from '../../compiler/emit/onnx/schema.ts';
import type { FloatTensor, FloatTensors } from '../../compiler/ir/tensor.ts';
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

/** The exported file in onnxruntime at an optimization level. */
export async function onnxSubject(
  model: ModelProto,
  sites: readonly string[],
  scales: FloatTensors,
  level: OptimizationLevel,
  threads: number,
): Promise<Subject> {
  const whole = await loadModel(encodeModel(withOutputs(model, sites)), level, threads);
  const layers = await loadModel(encodeModel(cutAt(model, sites)), level, threads);
  return {
    name: `onnxruntime ${level}`,
    run: async ({ x, values }, cut) => {
      const feeds = new Map([['x', x]]);
      if (cut) {
        for (const name of sites) {
          const value = values.get(name);
          if (value) feeds.set(name + GIVEN, value);
        }
      }
      const outputs = await (cut ? layers : whole).run(feeds);
      const read = (name: string) => {
        const tensor = outputs.get(name);
        if (!(tensor?.data instanceof Float32Array))
          throw new Error(`the exported model has no tensor '${name}'`);
        return { shape: tensor.shape, data: tensor.data };
      };
      return {
        sites: new Map(sites.map((name) => [name, siteCodes(name, read(name), scales)])),
        logits: read('logits').data,
      };
    },
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
  const model = await loadModel(bytes, level, threads);
  return {
    name: `onnxruntime ${level}, as shipped`,
    run: async ({ x }) => {
      const logits = (await model.run(new Map([['x', x]]))).get('logits')?.data;
      if (!(logits instanceof Float32Array)) throw new Error('the exported model has no logits');
      return { sites: new Map(), logits };
    },
    dispose: () => model.dispose(),
  };
}

export interface InterpreterSubject extends Subject {
  readonly interpreter: Interpreter;
  run(batch: ReferenceBatch, cut: boolean): Promise<Interpreted>;
}

/** The exported file in the integer interpreter. */
export function interpreterSubject(bytes: Uint8Array, sites: readonly string[]): InterpreterSubject {
  const interpreter = createInterpreter(bytes);
  const quantizers = new Map(sites.map((name) => [name, quantizerOf(interpreter, name)]));
  return {
    name: 'integer interpreter',
    interpreter,
    run: async ({ x, sites: given }, cut) => {
      const codes = new Map<string, Int32Array>();
      if (cut) {
        for (const [site, data] of given) codes.set(quantizers.get(site) ?? site, data);
      }
      const input = exact(x.shape, Float64Array.from(x.data));
      const { values, proofs } = interpreter.run(new Map([['x', input]]), codes);
      const read = (name: string) => {
        const value = values.get(name);
        if (!value) throw new Error(`the interpreter did not compute '${name}'`);
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
    },
    dispose: async () => {},
  };
}

/** The name of the codes that a site's DequantizeLinear reads. */
function quantizerOf(interpreter: Interpreter, site: string): string {
  const node = interpreter.graph.nodes.find(({ outputs }) => outputs.includes(site));
  const [codes] = node?.inputs ?? [];
  if (node?.op !== 'DequantizeLinear' || codes === undefined) {
    throw new Error(`the exported model has no quantizer for '${site}'`);
  }
  return codes;
}

/** Codes of a site's value at the site's frozen scale. */
export function siteCodes(site: string, { shape, data }: FloatTensor, scales: FloatTensors): Int32Array {
  const scale = scales.get(`${site}.scale`);
  if (!scale) throw new Error(`'${site}' has no frozen scale`);
  return codesOf(data, shape, scale);
}

import { layout } from './document.ts';

/** Types of the parameters that emitted functions have, by name. */
const PARAMETER_TYPES: Readonly<Record<string, string>> = {
  tensors: 'Tensors',
  params: 'Params',
  buffers: 'Buffers',
  optimizer: 'Optimizer',
  batch: 'Batch',
  hyper: 'Hyper',
  cache: 'Cache',
  gradients: 'Gradients',
  noise: 'Noise',
};

/** A parameter with its type. */
export function parameterOf(name: string): string {
  const type = PARAMETER_TYPES[name];
  if (type === undefined) throw new Error(`no emitted function has a parameter '${name}'`);
  return `${name}: ${type}`;
}

/** An exported function whose body runs in `tf.tidy`, so that only what it returns outlives it. `body` is indented by 4. */
export function functionText(
  name: string,
  doc: string,
  parameters: readonly string[],
  type: string,
  body: string,
): string {
  const head = layout({ open: `export function ${name}(`, items: parameters, close: `): ${type}` }, 0, 2);
  return `/** ${doc} */\n${head} {\n  return tf.tidy(() => {\n${body}\n  });\n}`;
}

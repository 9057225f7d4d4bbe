import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check } from '../../compiler/check/check.ts';
import type { CheckedSpec, Site } from '../../compiler/check/checked-spec.ts';
import { formatName } from '../../compiler/numeric/format.ts';
import { compile } from '../../compiler/pipeline.ts';
import { parse } from '../../compiler/syntax/parse.ts';
import { CHECKED_ONLY } from '../../runtime/checked-only.ts';

const SPECS = new URL('../../specs/', import.meta.url);
const GOLDEN = new URL('./golden/', import.meta.url);

const names = readdirSync(SPECS)
  .filter((file) => file.endsWith('.qspec') && !CHECKED_ONLY.has(file))
  .map((file) => file.slice(0, -'.qspec'.length));

function checked(name: string): CheckedSpec {
  const source = { path: `specs/${name}.qspec`, text: readFileSync(new URL(`${name}.qspec`, SPECS), 'utf8') };
  const { value: file, diagnostics } = parse(source);
  expect(diagnostics).toEqual([]);
  if (file === undefined) throw new Error(`${name} does not parse`);
  const result = check(file, source);
  expect(result.diagnostics).toEqual([]);
  if (result.value === undefined) throw new Error(`${name} does not check`);
  return result.value;
}

/** What checking made of a spec, but for spans: one line a layer and a site. */
function summary(spec: CheckedSpec): string {
  const { data, model, train, precision, evaluation, experiments, exported } = spec;
  const sections = [
    ['spec', spec.name],
    ['data', JSON.stringify({ ...data, span: undefined })],
    ['train', JSON.stringify({ ...train, span: undefined, spans: undefined })],
    [
      'layers',
      ...model.layers.map(
        (l) =>
          `${l.path}: ${l.kind} ${JSON.stringify(l.options)} of ${l.inputs.map((i) => model.layers[i]?.path).join(', ')} -> [${l.shape}]${l.nonNegative ? ' ≥ 0' : ''}`,
      ),
    ],
    ['result', model.layers[model.result]?.path ?? ''],
    ['sites', ...precision.sites.map(siteLine)],
    [
      'evaluation',
      ...evaluation.weights.map(formatName),
      ...evaluation.noise.map((sigma) => `noise ${sigma}`),
    ],
    ['experiments', ...experiments.map((experiment) => experiment.name)],
    ['export', JSON.stringify(exported)],
  ];
  return `${sections.map(([title, ...lines]) => [title, ...lines.map((line) => `  ${line}`)].join('\n')).join('\n')}\n`;
}

function siteLine({ name, choice, alsoReadBy }: Site): string {
  const format = choice.kind === 'auto' ? 'auto' : `${formatName(choice.format)} (${choice.why})`;
  return `${name}: ${format}${alsoReadBy.length > 0 ? ` also read by ${alsoReadBy}` : ''}`;
}

function parameterCount({ layers }: CheckedSpec['model']): number {
  return layers.reduce((total, layer) => {
    const channels = layers[layer.inputs[0] ?? 0]?.shape[0] ?? 0;
    switch (layer.kind) {
      case 'conv':
        return (
          total +
          layer.options.filters *
            (channels * layer.options.kernel[0] * layer.options.kernel[1] + Number(layer.options.bias))
        );
      case 'dense':
        return total + layer.options.units * (channels + Number(layer.options.bias));
      case 'batchnorm':
        return total + 2 * channels;
      default:
        return total;
    }
  }, 0);
}

describe.each(names)('specs/%s.qspec', (name) => {
  test('means what it meant', async () => {
    await expect(summary(checked(name))).toMatchFileSnapshot(new URL(`${name}.txt`, GOLDEN).pathname);
  });

  test('has fewer than 500,000 parameters, every layer read and every site once', () => {
    const { model, precision } = checked(name);
    expect(parameterCount(model)).toBeLessThan(500_000);
    expect(new Set(model.layers.map((layer) => layer.path)).size).toBe(model.layers.length);
    expect(new Set(precision.sites.map((site) => site.name)).size).toBe(precision.sites.length);
  });
});

test.each([...CHECKED_ONLY.keys()])('specs/%s is checked and lowered', (file) => {
  const text = readFileSync(new URL(file, SPECS), 'utf8');
  const { value, diagnostics } = compile({ path: `specs/${file}`, text });
  expect(diagnostics).toEqual([]);
  expect(value?.program.step.outputs.map(({ name }) => name)).toContain('loss');
});

test('the dense shape of GPT-3 has its parameters and a format for each of its tensors', () => {
  const { model, precision } = checked('gpt3-dense');
  // 96 · (2 · 12,288 · 49,152 weights + 49,152 + 12,288 biases) and the head's 10 · 12,289.
  expect(parameterCount(model)).toBe(96 * (2 * 12_288 * 49_152 + 61_440) + 122_890);
  expect(precision.sites.filter((site) => site.kind === 'weights')).toHaveLength(193);
  expect(precision.sites.every((site) => site.choice.kind === 'format')).toBe(true);
});

test('no golden file is left of a spec that is gone', () => {
  expect(readdirSync(GOLDEN).sort()).toEqual(names.map((name) => `${name}.txt`).sort());
});

test('ResNet-8 has eight residual blocks', () => {
  expect(checked('resnet8-cifar10').model.layers.filter((layer) => layer.kind === 'add')).toHaveLength(8);
});

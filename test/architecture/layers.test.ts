import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Layers from the bottom up. A file may import from its own layer and from those below it. `ops` rules speak of
 * differentiation targets through `ir`, so everything that a rule needs lies there or lower.
 */
const LAYERS = [
  ['compiler/source', 'compiler/numeric', 'compiler/diagnostics'],
  ['compiler/functional'],
  ['grammar', 'compiler/syntax'],
  ['compiler/check'],
  ['compiler/ir'],
  ['compiler/norms'],
  ['compiler/ops'],
  ['compiler/lower'],
  ['compiler/certificate'],
  ['compiler/certify'],
  ['compiler/analysis'],
  ['compiler/allocate'],
  ['compiler/emit'],
  ['compiler/pipeline.ts'],
  ['compiler/index.ts'],
  ['runtime'],
  ['bench'],
];

const root = resolve(import.meta.dirname, '../..');

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function layerOf(file: string): number {
  return LAYERS.findIndex((names) => names.some((name) => file === name || file.startsWith(`${name}/`)));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

const files = ['grammar', 'compiler', 'runtime', 'bench'].flatMap(sources);
// Text that is emitted into programs is not the compiler's own code.
const own = files.filter(
  (file) => !file.startsWith('compiler/emit/tfjs/support') && !file.endsWith('.generated.ts'),
);

describe('layers', () => {
  it('holds every source file', () => {
    expect(own.filter((file) => layerOf(file) < 0)).toEqual([]);
  });

  it('imports downwards only', () => {
    const upward = own.flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('.'))
        .map((name) => relative(root, resolve(root, dirname(file), name)))
        .filter((target) => layerOf(target) > layerOf(file))
        .map((target) => `${file} imports ${target}`),
    );
    expect(upward).toEqual([]);
  });

  it('certifies by nothing of analysis or allocation, and with no arithmetic of theirs', () => {
    const others = ['compiler/analysis', 'compiler/allocate', 'compiler/functional'];
    const found = own
      .filter((file) => /^compiler\/certif(icate|y)\//.test(file))
      .flatMap((file) =>
        importsOf(file)
          .filter((name) => name.startsWith('.'))
          .map((name) => relative(root, resolve(root, dirname(file), name)))
          .filter((target) => others.some((layer) => target.startsWith(layer)))
          .map((target) => `${file} imports ${target}`),
      );
    expect(found).toEqual([]);
    // The type of the numbers that rules speak of, and none of the functions.
    const values = own
      .filter((file) => file.startsWith('compiler/certify/'))
      .filter((file) =>
        /import (?!type)[^;]*numeric\/bound/.test(
          readFileSync(join(root, file), 'utf8').replaceAll('\n', ' '),
        ),
      );
    expect(values).toEqual([]);
  });

  it('keeps node modules and native packages out of the compiler', () => {
    const native = ['onnxruntime-node', '@tensorflow/tfjs-node', '@tensorflow/tfjs-core'];
    const found = own
      .filter((file) => file.startsWith('compiler/') || file.startsWith('grammar/'))
      .flatMap((file) =>
        importsOf(file)
          .filter((name) => name.startsWith('node:') || native.includes(name))
          .map((name) => `${file} imports ${name}`),
      );
    expect(found).toEqual([]);
  });
});

import { join, resolve } from 'node:path';
import { printGraph } from '../../../compiler/ir/print.ts';
import { lowerReal } from '../../../compiler/lower/deploy/evaluation.ts';
import { type Compiled, compile } from '../../../compiler/pipeline.ts';
import type { Source } from '../../../compiler/source/source.ts';
import { parse } from '../../../compiler/syntax/parse.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { writeFiles } from '../../storage/folder.ts';
import { qspecVersion } from '../../version.ts';
import { type Context, print, say } from '../context.ts';
import { successOf } from '../diagnostics.ts';
import { assignmentBeside } from '../sensitivities.ts';
import { readSource } from '../source-file.ts';

interface Options {
  readonly out?: string;
  readonly emit: 'ast' | 'ir' | 'ts' | 'onnx';
}

/** `qspec compile FILE`: the syntax tree or the graph on stdout, programs as files. */
export async function compileCommand(context: Context, file: string, options: Options): Promise<ExitCode> {
  const source = await readSource(context.io.cwd, file);
  if (options.emit === 'ast') {
    const tree = successOf(context, source, parse(source));
    if (!tree) return EXIT.diagnostics;
    print(context, JSON.stringify(tree, undefined, 2));
    return EXIT.ok;
  }
  const compiled = successOf(context, source, compile(source, await assignmentBeside(context.io.cwd, file)));
  if (!compiled) return EXIT.diagnostics;
  if (options.emit === 'ir') {
    context.io.stdout.write(printGraph(compiled.program.step));
    return EXIT.ok;
  }
  const shown = options.out ?? join('generated', compiled.spec.name);
  const files = options.emit === 'ts' ? await emitTs(compiled, source) : await emitStep(compiled);
  await writeFiles(resolve(context.io.cwd, shown), files);
  say(
    context,
    `wrote ${[...files.keys()].length} ${files.size === 1 ? 'file' : 'files'} to ${shown} (${compiled.plan.status})`,
  );
  return EXIT.ok;
}

async function emitTs(
  { spec, plan, program, hash }: Compiled,
  source: Source,
): Promise<ReadonlyMap<string, string>> {
  const { emitTfjsProgram } = await import('../../../compiler/emit/tfjs/emit-program.ts');
  return emitTfjsProgram(program, {
    source,
    toolVersion: qspecVersion(),
    specHash: hash,
    evaluation: lowerReal(spec, plan, program.batch),
  });
}

async function emitStep({ spec, program, hash }: Compiled): Promise<ReadonlyMap<string, Uint8Array>> {
  const { emitOnnx } = await import('../../../compiler/emit/onnx/emit.ts');
  const emission = emitOnnx(program.step, {
    scheme: 'arithmetic',
    metadata: { version: qspecVersion(), properties: { spec: spec.name, specHash: hash } },
  });
  return new Map([['step.onnx', emission.bytes()]]);
}

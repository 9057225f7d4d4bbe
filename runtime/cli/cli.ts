import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT, type ExitCode } from '../failure.ts';
import { MAX_THREADS } from '../train/run-record.ts';
import { qspecVersion } from '../version.ts';
import { type Context, createContext, REPORTERS, type Reporter } from './context.ts';
import { reportFailure } from './failures.ts';
import type { Io } from './io.ts';

/**
 * Runs one command line and returns its exit code; it throws nothing. Each command is imported when it is called, so
 * that `check` and `compile` start fast and need no native package.
 *
 * @param argv the arguments after the program's name
 */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(createContext(io, program.opts<{ reporter: Reporter }>().reporter), error);
  }
}

type Handler = (context: Context, ...args: never[]) => Promise<ExitCode>;

function createProgram(io: Io, done: (code: ExitCode) => void): Command {
  const program = new Command('qspec')
    .description('A compiler for precision: trains quantized models and exports verified ONNX.')
    .version(qspecVersion())
    .addOption(
      new Option('--reporter <kind>', 'how diagnostics are printed').choices(REPORTERS).default('pretty'),
    )
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError("run 'qspec help' or 'qspec help COMMAND' for what is possible");

  /** Calls a lazily imported handler with the command's arguments and options. */
  const action = (command: Command, load: () => Promise<Handler>): void => {
    command.action(async (...given: unknown[]) => {
      // Commander passes arguments, then options, then the command itself.
      const args = given.slice(0, -1) as never[];
      const context = createContext(io, program.opts<{ reporter: Reporter }>().reporter);
      done(await (await load())(context, ...args));
    });
  };

  action(
    program.command('init').description('write a folder with a small spec to start from').argument('<dir>'),
    async () => (await import('./commands/init.ts')).init,
  );
  action(
    program
      .command('check')
      .description('say what is wrong with specs, and how large the errors of a training step can be')
      .argument('<file...>')
      .option('--no-analysis', 'only names, shapes, types and annotations')
      .option('--probe <n>', 'measure the errors on n minibatches of the training set as well', positive)
      .option('--report <file>', 'write a page with costs, bounds and contributors', path)
      .option('--certificate <file>', 'write the worst case as a certificate', path),
    async () => (await import('./commands/check.ts')).check,
  );
  action(
    program
      .command('explain')
      .description(
        'list every tensor of F, B and U with its format and why it has it, and what bounds are made of',
      )
      .argument('<file>')
      .option('--functionals', 'print the error functionals of F, B and U too'),
    async () => (await import('./commands/explain.ts')).explain,
  );
  action(
    program
      .command('certify')
      .description('recompute what a certificate states, and say whether it is so')
      .argument('<certificate>')
      .option('--spec <file>', 'the spec (default: spec.qspec or <name>.qspec beside the certificate)', path)
      .option('--checkpoint <file>', 'the parameters that the certificate is about', path),
    async () => (await import('./commands/certify.ts')).certifyCommand,
  );
  action(
    program
      .command('fmt')
      .description('format specs in place')
      .argument('<file...>')
      .addOption(new Option('--check', 'only say which files would change').conflicts('stdout'))
      .option('--stdout', 'print the result and leave the files alone'),
    async () => (await import('./commands/fmt.ts')).fmt,
  );
  action(
    program
      .command('compile')
      .description('compile a spec to a training program')
      .argument('<file>')
      .option('--out <dir>', 'folder for generated files (default: generated/<spec>)', path)
      .addOption(
        new Option('--emit <what>', 'syntax tree or graph to stdout; program or ONNX step to files')
          .choices(['ast', 'ir', 'ts', 'onnx'])
          .default('ts'),
      ),
    async () => (await import('./commands/compile.ts')).compileCommand,
  );
  action(
    program
      .command('allocate')
      .description("derive the formats that are 'auto' from what the spec requires, and certify them")
      .argument('<file>')
      .option('--batches <n>', 'minibatches to probe (default: 8)', positive)
      .option('--passes <n>', 'passes of random signs for each mean (default: 8)', positive)
      .option('--seed <n>', "instead of the spec's seed", count)
      .option('--drawn-inputs', 'estimate from inputs drawn from the declared range, without the data')
      .option('--threads <n>', 'threads of the engine (default: all cores)', threads),
    async () => (await import('./commands/allocate.ts')).allocateCommand,
  );
  action(
    engineOptions(
      program
        .command('train')
        .description('train a spec, then calibrate, export and score the model')
        .argument('<file>')
        .option('--out <dir>', 'run directory (default: runs/<spec>)', path)
        .option('--epochs <n>', "instead of the spec's epochs", count)
        .option('--seed <n>', "instead of the spec's seed", count)
        .option('--refresh <n>', "epochs between derivations of formats that are 'auto'; 0: only once", count)
        .option('--checkpoint-every <n>', 'steps (500) or seconds (30s) between checkpoints', interval)
        .addOption(new Option('--resume', 'go on with the run in the directory').conflicts('force'))
        .option('--force', 'replace the run in the directory'),
    ),
    async () => (await import('./commands/train.ts')).trainCommand,
  );
  action(
    engineOptions(
      program
        .command('eval')
        .description(
          "score a run's model on the test set, in f32, deployed, and as the spec's eval clauses say",
        )
        .argument('<run>'),
    ),
    async () => (await import('./commands/eval.ts')).evalCommand,
  );
  action(
    program
      .command('export')
      .description("write a run's model as a quantized ONNX graph")
      .argument('<run>')
      .option('--out <file>', 'where to (default: model.onnx in the run)', path),
    async () => (await import('./commands/export.ts')).exportCommand,
  );
  action(
    engineOptions(
      program
        .command('verify')
        .description(
          'compare every code and logit of the exported graph with the training engine and an interpreter',
        )
        .argument('<run>')
        .option('--samples <n>', 'compare the first n test samples instead of all of them', count),
    ),
    async () => (await import('./commands/verify.ts')).verifyCommand,
  );
  const data = program.command('data').description('data sets on this machine');
  action(
    data.command('list').description('which data sets there are, and which are here'),
    async () => (await import('./commands/data.ts')).dataList,
  );
  action(
    data.command('fetch').description('download a public data set').argument('<name>'),
    async () => (await import('./commands/data.ts')).dataFetch,
  );
  action(
    data.command('path').description('print the data folder'),
    async () => (await import('./commands/data.ts')).dataPath,
  );
  action(
    program.command('doctor').description('which engines load, with versions and threads, and where data is'),
    async () => (await import('./commands/doctor.ts')).doctor,
  );
  return program;
}

function engineOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--engine <name>', 'what runs the graphs (default: onnx)').choices([
        'onnx',
        'tfjs',
        'reference',
      ]),
    )
    .option('--threads <n>', 'threads of the engine (default: all cores)', threads)
    .addOption(
      new Option('--provider <name>', 'what of onnxruntime runs the operators (default: cpu)').choices([
        'cpu',
        'cuda',
        'webgpu',
        'coreml',
      ]),
    )
    .option('--contrib-ops', "let steps hold onnxruntime's own operators (default: standard ONNX only)");
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function positive(text: string): number {
  const value = count(text);
  if (value === 0) throw new InvalidArgumentError('It must be at least 1.');
  return value;
}

function threads(text: string): number {
  const value = positive(text);
  if (value > MAX_THREADS) throw new InvalidArgumentError(`It must be at most ${MAX_THREADS}.`);
  return value;
}

function path(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

function interval(text: string): { readonly steps: number } | { readonly seconds: number } {
  const seconds = /^(\d+)s$/.exec(text)?.[1];
  return seconds === undefined ? { steps: positive(text) } : { seconds: positive(seconds) };
}

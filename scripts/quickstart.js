// The whole way on one small spec: check, compile, train, export, verify, through the command line's own functions.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../dist/runtime/cli/cli.js';
import { processIo } from '../dist/runtime/cli/process-io.js';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const spec = 'specs/quickstart.qspec';
const run = 'runs/quickstart';
const io = processIo();

const steps = [
  ['check', spec],
  ['compile', spec],
  ['train', spec, '--out', run, '--force'],
  ['export', run],
  ['verify', run],
];

let exitCode = 0;
for (const argv of steps) {
  io.stderr.write(`\n$ qspec ${argv.join(' ')}\n`);
  exitCode = await main(argv, io);
  if (exitCode !== 0) break;
}

if (exitCode === 0) {
  const { test, bytes } = readJson('summary.json');
  const { failures } = readJson('verify.json');
  const percent = (share) => `${(100 * share).toFixed(2)} %`;
  const kilobytes = (count) => `${(count / 1000).toFixed(1)} kB`;
  const lines = [
    ['accuracy in f32', percent(test.float32.accuracy)],
    ['accuracy as deployed in int8', percent(test.deployed.accuracy)],
    ['weights in f32', `${kilobytes(bytes.model)}  ${join(run, 'model.safetensors')}`],
    ['quantized ONNX model', `${kilobytes(bytes.onnx)}  ${join(run, 'model.onnx')}`],
    [
      'verification',
      failures.length === 0 ? 'passed: the exported model computes what was trained' : 'failed',
    ],
    ['report of the verification', join(run, 'verify.json')],
    ['metrics of every step', join(run, 'metrics.jsonl')],
    ['training program', 'generated/quickstart'],
  ];
  io.stdout.write(`\n${lines.map(([name, value]) => `${name.padEnd(30)}${value}`).join('\n')}\n`);
}
process.exitCode = exitCode;

function readJson(name) {
  return JSON.parse(readFileSync(join(run, name), 'utf8'));
}

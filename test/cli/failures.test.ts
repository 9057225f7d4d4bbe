import { describe, expect, test } from 'vitest';
import { createContext } from '../../runtime/cli/context.ts';
import { reportFailure, UsageFailure } from '../../runtime/cli/failures.ts';
import { EngineUnavailable } from '../../runtime/engines/engine.ts';
import { runFailure } from '../../runtime/failure.ts';
import { dataError } from '../../runtime/storage/data-error.ts';

function report(error: unknown, reporter: 'pretty' | 'json' | 'github', env: Record<string, string> = {}) {
  let stderr = '';
  const write = (text: string | Uint8Array) => {
    stderr += text;
  };
  const sink = { write, isTerminal: false };
  const io = { stdout: sink, stderr: sink, env, cwd: '/', onInterrupt: () => () => {} };
  const exitCode = reportFailure(createContext(io, reporter), error);
  return { exitCode, stderr };
}

describe('an error ends in one message and its exit code', () => {
  test.each([
    [new UsageFailure('no'), 2, 'error: no\n'],
    [
      runFailure('QS7106', { path: 'r' }),
      3,
      'error[QS7106]: the run in r is not finished, so it has no trained model yet\n',
    ],
    [dataError('QS7001', { path: 'x.csv' }), 3, 'error[QS7001]: no such file: x.csv\n'],
    [
      dataError('QS7001', { path: 'x.csv' }, 'look elsewhere'),
      3,
      'error[QS7001]: no such file: x.csv\n  hint: look elsewhere\n',
    ],
  ])('%s', (error, exitCode, stderr) => {
    expect(report(error, 'pretty')).toEqual({ exitCode, stderr });
  });

  test('a missing engine', () => {
    const error = new EngineUnavailable(
      'onnx',
      'onnxruntime-node',
      new Error('Cannot find package\nat somewhere'),
    );
    expect(report(error, 'pretty')).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('qspec doctor'),
    });
    expect(report(error, 'pretty').stderr).not.toContain('somewhere');
  });

  test('as JSON and as a workflow command', () => {
    const error = dataError('QS7001', { path: 'a\nb%' }, 'h');
    expect(JSON.parse(report(error, 'json').stderr)).toEqual({
      severity: 'error',
      code: 'QS7001',
      message: 'no such file: a\nb%',
      hint: 'h',
    });
    expect(report(error, 'github').stderr).toBe('::error title=QS7001::no such file: a%0Ab%25 (h)\n');
  });
});

describe('a mistake of ours', () => {
  const error = new TypeError('x is undefined\nsecond line');

  test('is one line with where to report it, without a stack', () => {
    const { exitCode, stderr } = report(error, 'pretty');
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(
      /^error: this is a mistake in QSpec: x is undefined\n {2}hint: .*QSPEC_DEBUG=1.*\n$/,
    );
  });

  test('shows its stack under QSPEC_DEBUG', () => {
    expect(report(error, 'pretty', { QSPEC_DEBUG: '1' }).stderr).toContain('failures.test.ts');
  });
});

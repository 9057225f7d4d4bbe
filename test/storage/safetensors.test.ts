import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HostTensor } from '../../runtime/engines/engine.ts';
import { DataError } from '../../runtime/storage/data-error.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type TensorFile,
  writeSafetensors,
} from '../../runtime/storage/safetensors.ts';
import { cases } from '../support/property.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** A file's bytes put together by hand from a header and data, as the format's description says. */
function handmade(header: string, data: Uint8Array = new Uint8Array(), headerBytes?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header);
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, headerBytes ?? BigInt(json.length), true);
  return Uint8Array.from([...prefix, ...json, ...data]);
}

function failure(bytes: Uint8Array): DataError {
  try {
    decodeSafetensors(bytes, 'model.safetensors');
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const tensors: fc.Arbitrary<HostTensor> = shapes.chain((shape) =>
  fc.oneof(
    fc
      .float32Array({ minLength: size(shape), maxLength: size(shape) })
      .map((data): HostTensor => ({ dtype: 'f32', shape, data })),
    fc
      .int32Array({ minLength: size(shape), maxLength: size(shape) })
      .map((data): HostTensor => ({ dtype: 'i32', shape, data })),
  ),
);
const names = fc.string({ unit: 'binary', maxLength: 12 }).filter((name) => name !== '__metadata__');
const files: fc.Arbitrary<TensorFile> = fc.record({
  tensors: fc.array(fc.tuple(names, tensors), { maxLength: 6 }).map((entries) => new Map(entries)),
  metadata: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 4 }).map((entries) => new Map(entries)),
});

const byName = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('safetensors', () => {
  test('what is written is read back, to the bit', () => {
    fc.assert(
      fc.property(files, (file) => {
        const read = decodeSafetensors(encodeSafetensors(file), 'f');
        expect(byName(read.tensors)).toEqual(byName(file.tensors));
        expect(byName(read.metadata)).toEqual(byName(file.metadata));
      }),
      cases(200),
    );
  });

  test('the bytes do not depend on the order in which tensors were added', () => {
    fc.assert(
      fc.property(files, (file) => {
        const reversed = {
          tensors: new Map([...file.tensors].reverse()),
          metadata: new Map([...file.metadata].reverse()),
        };
        expect(encodeSafetensors(reversed)).toEqual(encodeSafetensors(file));
      }),
      cases(100),
    );
  });

  test('any bytes are read or refused with an error of their own', () => {
    const mutated = fc
      .tuple(
        files,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        fc.nat(),
      )
      .map(([file, edits, cut]) => {
        const bytes = encodeSafetensors(file);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        try {
          decodeSafetensors(bytes, 'f');
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      cases(500),
    );
  });

  test('the file is the format that other tools read', () => {
    const bytes = encodeSafetensors({
      tensors: new Map<string, HostTensor>([
        ['w', { dtype: 'f32', shape: [1, 2], data: Float32Array.of(1, -2) }],
        ['n', { dtype: 'i32', shape: [], data: Int32Array.of(7) }],
      ]),
      metadata: new Map([['step', '3']]),
    });
    const header =
      '{"__metadata__":{"step":"3"},"n":{"dtype":"I32","shape":[],"data_offsets":[0,4]},' +
      '"w":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}}';
    const data = [7, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0];
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8, ' ');
    expect(bytes).toEqual(handmade(padded, Uint8Array.from(data)));
  });

  test('a tensor is read wherever it lies, aligned or not', () => {
    const bytes = handmade(
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} ',
      Uint8Array.of(0, 0, 0x80, 0x3f),
    );
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const read = decodeSafetensors(shifted.subarray(1), 'f').tensors.get('a');
    expect(read?.data).toEqual(Float32Array.of(1));
  });

  test('what was read does not change with the bytes it was read from', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'w.safetensors');
    const tensor: HostTensor = { dtype: 'f32', shape: [3], data: Float32Array.of(1, 2, 3) };
    await writeSafetensors(path, { tensors: new Map([['w', tensor]]), metadata: new Map() });
    const { tensors } = await readSafetensors(path);
    expect(tensors.get('w')).toEqual(tensor);
    expect(tensors.get('w')?.data.buffer.byteLength).toBe(12);
  });

  const entry = (more: string) => `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},${more}}`;
  const malformed: readonly (readonly [string, Uint8Array, string])[] = [
    ['fewer bytes than a length takes', Uint8Array.of(1, 2, 3), 'it has 3 bytes'],
    [
      'an absurd header length',
      handmade('{}', undefined, 2n ** 63n),
      'header of 9223372036854775808 bytes; at most',
    ],
    ['a header past the end', handmade('{}', undefined, 50n), 'header of 50 bytes, but only 2 bytes follow'],
    ['no JSON', handmade('{"a":'), 'its header is not JSON'],
    ['no object', handmade('[1]'), 'not a JSON object'],
    ['no UTF-8', Uint8Array.from([...handmade('{}').subarray(0, 8), 0xff, 0xfe]), 'not UTF-8'],
    [
      'a name twice',
      handmade(entry('"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}'), new Uint8Array(8)),
      'the key "a" twice',
    ],
    [
      'a name twice, once escaped',
      handmade(entry('"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}'), new Uint8Array(8)),
      'the key "a" twice',
    ],
    [
      'a key of an entry twice',
      handmade('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', new Uint8Array(4)),
      '"shape" twice',
    ],
    [
      'overlapping tensors',
      handmade(entry('"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}'), new Uint8Array(6)),
      'tensor "b" overlap',
    ],
    [
      'a gap',
      handmade(entry('"b":{"dtype":"F32","shape":[1],"data_offsets":[6,10]}'), new Uint8Array(10)),
      '2 bytes before tensor "b"',
    ],
    [
      'missing data',
      handmade('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', new Uint8Array(4)),
      'need 8 bytes, but only 4',
    ],
    [
      'data of no tensor',
      handmade('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', new Uint8Array(9)),
      '5 bytes after the last tensor',
    ],
    [
      'offsets that do not fit the shape',
      handmade('{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}', new Uint8Array(4)),
      'takes 12 bytes, but its offsets span 4',
    ],
    [
      'a shape whose product overflows',
      handmade(
        '{"a":{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}}',
        new Uint8Array(4),
      ),
      'takes 3.2',
    ],
    [
      'a negative size',
      handmade('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', new Uint8Array(4)),
      'not a list of sizes',
    ],
    [
      'reversed offsets',
      handmade('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', new Uint8Array(4)),
      'offsets span -4',
    ],
    [
      'fractional offsets',
      handmade('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0.5,4.5]}}', new Uint8Array(4)),
      'not two byte offsets',
    ],
    [
      'an unknown dtype',
      handmade('{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}', new Uint8Array(4)),
      'unknown dtype "F31"',
    ],
    [
      'an unknown key',
      handmade('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}', new Uint8Array(4)),
      'unknown key "x"',
    ],
    [
      'metadata that is no text',
      handmade('{"__metadata__":{"step":3}}'),
      'the metadata "step" is not a string',
    ],
  ];

  test.each(malformed)('%s is refused', (_, bytes, reason) => {
    const error = failure(bytes);
    expect(error.code).toBe('QS7052');
    expect(error.message).toContain('model.safetensors is not a safetensors file: ');
    expect(error.message).toContain(reason);
  });

  test('another dtype is refused with a way out', () => {
    const error = failure(
      handmade('{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', new Uint8Array(4)),
    );
    expect(error.code).toBe('QS7053');
    expect(error.message).toContain('dtype BF16');
    expect(error.hint).toContain('F32');
  });

  test('keys that only look doubled are none', () => {
    const header =
      '{"__metadata__":{"a":"{\\"a\\":1} \\\\","b":"b"},"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}';
    expect(decodeSafetensors(handmade(header), 'f').metadata.get('a')).toBe('{"a":1} \\');
  });

  test('a missing file and a folder are named', async () => {
    const folder = await temporaryFolder();
    await expect(readSafetensors(join(folder, 'none.safetensors'))).rejects.toMatchObject({ code: 'QS7001' });
    await expect(readSafetensors(folder)).rejects.toMatchObject({ code: 'QS7004' });
    await writeFile(join(folder, 'empty'), '');
    await expect(readSafetensors(join(folder, 'empty'))).rejects.toMatchObject({ code: 'QS7052' });
  });
});

test('a file that was changed after it was written is refused, its bytes or its metadata', async () => {
  const path = join(await temporaryFolder(), 'w.safetensors');
  const tensor: HostTensor = { dtype: 'f32', shape: [2], data: Float32Array.of(1, -0) };
  const file = { tensors: new Map([['w', tensor]]), metadata: new Map([['step', '12']]) };
  await writeSafetensors(path, file);
  expect(await readSafetensors(path)).toEqual(file);
  const bytes = await readFile(path);
  for (const at of [bytes.length - 1, bytes.indexOf('"12"') + 1]) {
    const spoiled = Uint8Array.from(bytes);
    spoiled[at] = (spoiled[at] ?? 0) ^ 1;
    await writeFile(path, spoiled);
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'QS7006' });
  }
  // A file of another program has no checksum, and is read.
  await writeFile(path, encodeSafetensors(file));
  expect(await readSafetensors(path)).toEqual(file);
});

/**
 * A reader of the protobuf wire format (https://protobuf.dev/programming-guides/encoding), enough for ONNX files. It is
 * part of the verifier's own path from a file to numbers and shares no code with the exporter.
 */

/** One field of a message: its number and its payload. Varints are kept as bigint, so that int64 is exact. */
export type Field =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'fixed32'; readonly bytes: Uint8Array }
  | { readonly number: number; readonly kind: 'fixed64'; readonly bytes: Uint8Array }
  | { readonly number: number; readonly kind: 'bytes'; readonly bytes: Uint8Array };

/** The bytes are no message. */
export class WireError extends Error {}

/** The fields of a message in file order. @throws WireError where the bytes end early or a tag is unknown */
export function fieldsOf(bytes: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[offset++];
      if (byte === undefined) throw new WireError('the file ends inside a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new WireError('a number has more than ten bytes');
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - offset) throw new WireError('the file ends inside a field');
    offset += length;
    return bytes.subarray(offset - length, offset);
  };
  while (offset < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    if (number === 0) throw new WireError('field number 0');
    if (type === 0) fields.push({ number, kind: 'varint', value: varint() });
    else if (type === 1) fields.push({ number, kind: 'fixed64', bytes: take(8) });
    else if (type === 2) fields.push({ number, kind: 'bytes', bytes: take(Number(varint())) });
    else if (type === 5) fields.push({ number, kind: 'fixed32', bytes: take(4) });
    else throw new WireError(`wire type ${type} is not used by ONNX`);
  }
  return fields;
}

/** All payloads of a length-delimited field. */
export function messages(fields: readonly Field[], number: number): readonly Uint8Array[] {
  return fields.flatMap((field) => (field.number === number && field.kind === 'bytes' ? [field.bytes] : []));
}

export function text(fields: readonly Field[], number: number): string {
  const [bytes] = messages(fields, number).slice(-1);
  return bytes ? new TextDecoder().decode(bytes) : '';
}

/** A repeated int64 field, packed or not, as signed numbers. */
export function integers(fields: readonly Field[], number: number): readonly number[] {
  return fields.flatMap((field) => {
    if (field.number !== number) return [];
    if (field.kind === 'varint') return [Number(BigInt.asIntN(64, field.value))];
    if (field.kind !== 'bytes') return [];
    return packedVarints(field.bytes);
  });
}

function packedVarints(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    values.push(Number(BigInt.asIntN(64, value)));
    value = 0n;
    shift = 0n;
  }
  if (shift !== 0n) throw new WireError('a packed field ends inside a number');
  return values;
}

/** A repeated float field, packed or not. */
export function floats(fields: readonly Field[], number: number): readonly number[] {
  return fields.flatMap((field) => {
    if (field.number !== number || (field.kind !== 'fixed32' && field.kind !== 'bytes')) return [];
    const view = new DataView(field.bytes.buffer, field.bytes.byteOffset, field.bytes.byteLength);
    return Array.from({ length: field.bytes.length >> 2 }, (_, i) => view.getFloat32(4 * i, true));
  });
}

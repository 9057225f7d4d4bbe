import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CERTIFICATE_SCHEMA,
  certificateText,
  departureFrom,
  parseCertificate,
  parseCertificateBytes,
} from '../../compiler/certificate/index.ts';
import { cases } from '../support/property.ts';
import { certificateOf, edited, QUICK } from './support.ts';

const validate = new Ajv2020({ strict: true }).compile(CERTIFICATE_SCHEMA);
const certificate = certificateOf(QUICK);
const text = certificateText(certificate);

describe('the published schema', () => {
  test('is the one in docs/', () => {
    const published = readFileSync(new URL('../../docs/certificate.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(CERTIFICATE_SCHEMA)));
  });

  test('holds for certificates that are made', () => {
    expect(validate(JSON.parse(text)), JSON.stringify(validate.errors)).toBe(true);
  });

  test('means to an independent validator what it means here', () => {
    fc.assert(
      fc.property(edited(certificate), (json) => {
        expect(departureFrom(CERTIFICATE_SCHEMA, json) === undefined).toBe(validate(json));
      }),
      cases(300),
    );
  });
});

describe('reading a certificate', () => {
  test('gives back what was written', () => {
    const { value, diagnostics } = parseCertificateBytes('c.json', new TextEncoder().encode(text));
    expect(diagnostics).toEqual([]);
    expect(value).toEqual(certificate);
    expect(certificateText(value ?? certificate)).toBe(text);
  });

  test('is the same text each time, sorted, without times or paths', () => {
    expect(certificateText(certificateOf(QUICK))).toBe(text);
    expect(Object.keys(JSON.parse(text))).toEqual(Object.keys(JSON.parse(text)).sort());
    expect(text).not.toMatch(/\/root|\/work|\d{4}-\d\d-\d\d/);
  });

  test('of any bytes gives one diagnostic and throws nothing', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string().map((s) => new TextEncoder().encode(s)),
      fc.json().map((s) => new TextEncoder().encode(s)),
      fc.nat(text.length - 3).map((n) => new TextEncoder().encode(text.slice(0, n))),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        const { value, diagnostics } = parseCertificateBytes('c.json', given);
        expect(value).toBeUndefined();
        expect(diagnostics.map(({ code }) => code)).toEqual(['QS7060']);
      }),
      cases(500),
    );
    const deep = '['.repeat(1e6);
    expect(parseCertificate({ path: 'c.json', text: deep }).diagnostics).toHaveLength(1);
    const proto = text.replace('"formats": {', '"formats": { "__proto__": 1,');
    expect(parseCertificate({ path: 'c.json', text: proto }).diagnostics[0]?.message).toContain(
      '/formats/__proto__',
    );
  });

  test('says where it departs', () => {
    const wrong = text.replace('"version": 1', '"version": 2');
    const [found] = parseCertificate({ path: 'c.json', text: wrong }).diagnostics;
    expect(found?.message).toBe('this is no certificate: /version must be 1');
  });
});

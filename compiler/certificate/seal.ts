import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Certificate, CertificateBody } from './certificate.ts';

/** SHA-256 of the formats by site: of the lines `site = format`, sorted by site. */
export function planHash(formats: Readonly<Record<string, string>>): string {
  const lines = Object.keys(formats)
    .sort()
    .map((site) => `${site} = ${formats[site]}\n`);
  return hashOfText(lines.join(''));
}

/** SHA-256 of the certificate's canonical JSON, keys sorted and without blanks, its own digest left out. */
export function digestOf(certificate: Omit<Certificate, 'digest'>): string {
  const { digest: _, ...rest } = { digest: '', ...certificate };
  return hashOfText(JSON.stringify(sorted(rest)));
}

/** A certificate with its hashes. */
export function seal(body: CertificateBody): Certificate {
  const whole = { kind: 'qspec certificate', version: 1, plan: planHash(body.formats), ...body } as const;
  return { ...whole, digest: digestOf(whole) };
}

/** The certificate's file: keys sorted, two blanks a level, a line feed at the end. */
export function certificateText(certificate: Certificate): string {
  return `${JSON.stringify(sorted(certificate), undefined, 2)}\n`;
}

export function hashOfText(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}

function sorted(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sorted);
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value)]));
}

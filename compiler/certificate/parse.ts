import { type Diagnostic, diagnostic, type Result } from '../diagnostics/diagnostic.ts';
import type { Source } from '../source/source.ts';
import type { Certificate } from './certificate.ts';
import { CERTIFICATE_SCHEMA } from './schema.ts';
import { departureFrom } from './validate.ts';

/** Reads a certificate; any other text gives one diagnostic. */
export function parseCertificate({ text }: Source): Result<Certificate> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (failure) {
    return refused(`it is not JSON: ${failure instanceof Error ? failure.message : failure}`);
  }
  const departure = departureFrom(CERTIFICATE_SCHEMA, json);
  if (departure !== undefined) return refused(`${departure.at || 'its whole'} ${departure.problem}`);
  // The schema is that of the type.
  return { value: json as Certificate, diagnostics: [] };
}

/** The same for the bytes of a file, which may be no text at all. */
export function parseCertificateBytes(path: string, bytes: Uint8Array): Result<Certificate> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refused('it is not UTF-8 text');
  }
  return parseCertificate({ path, text });
}

function refused(reason: string): { readonly value: undefined; readonly diagnostics: readonly Diagnostic[] } {
  const span = { start: 0, end: 0 };
  return { value: undefined, diagnostics: [diagnostic('QS7060', span, { reason })] };
}

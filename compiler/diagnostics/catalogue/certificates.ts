import { error } from './entry.ts';

/** QS706x: certificates. */
export const CERTIFICATE_CODES = {
  QS7060: error((p: { reason: string }) => `this is no certificate: ${p.reason}`),
  QS7061: error((p: { at: string; reason: string }) => `the certificate is refused at ${p.at}: ${p.reason}`),
} as const;

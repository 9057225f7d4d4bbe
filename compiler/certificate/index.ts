/**
 * Certificates as data. Whoever knows formats and bounds fills in a {@link CertificateBody} and seals it:
 *
 *     const certificate = seal({ tool, spec, parameters, formats, requirements, worst_case, probability });
 *     certificateText(certificate)            // the file's text, the same for the same content
 *     parseCertificateBytes(path, bytes)      // back, or one diagnostic
 */
export type * from './certificate.ts';
export { namedProducts, namedQuantizers, namedTensors } from './names.ts';
export { parseCertificate, parseCertificateBytes } from './parse.ts';
export { CERTIFICATE_SCHEMA, type Schema } from './schema.ts';
export { certificateText, digestOf, hashOfText, planHash, seal } from './seal.ts';
export { departureFrom } from './validate.ts';

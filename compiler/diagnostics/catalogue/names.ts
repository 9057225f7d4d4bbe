import { error, warning } from './entry.ts';

/** QS2xxx: names that mean nothing, or two things; sections and settings that are missing or there twice. */
export const NAME_CODES = {
  QS2001: error((p: { kind: string; name: string }) => `unknown ${p.kind} '${p.name}'`),
  QS2002: error((p: { kind: string; name: string }) => `the ${p.kind} '${p.name}' is declared twice`),
  QS2003: error((p: { section: string }) => `the spec has no ${p.section} section`),
  QS2004: error((p: { section: string }) => `the spec has a second ${p.section} section`),
  QS2005: error((p: { owner: string; what: string }) => `${p.owner} needs ${p.what}`),
  QS2006: error((p: { name: string }) => `'${p.name}' is given twice`),
  QS2007: error((p: { owner: string; expected: string }) => `${p.owner} takes ${p.expected}`),
  QS2008: error((p: { kind: string; cycle: string }) => `the ${p.kind} is defined by itself: ${p.cycle}`),
  QS2009: error((p: { what: string; limit: number }) => `${p.what} are nested more than ${p.limit} deep`),
  QS2010: error((p: { what: string; limit: number }) => `the spec unrolls to more than ${p.limit} ${p.what}`),
  QS2011: error((p: { kind: string; name: string }) => `the ${p.kind} '${p.name}' is never used`),
  QS2012: warning(
    (p: { name: string }) => `the block '${p.name}' is never called, so its shapes are not checked`,
  ),
  QS2013: error((p: { path: string }) => `the path ${JSON.stringify(p.path)} leaves its folder`),
  QS2014: error((p: { what: string; limit: number }) => `${p.what} is longer than ${p.limit} characters`),
  QS2015: error((p: { limit: number }) => `more than ${p.limit} errors: the rest is not shown`),
  QS2016: warning((p: { limit: number }) => `more than ${p.limit} warnings: the rest is not shown`),
} as const;

/**
 * How errors are measured as they pass: `componentwise` by their largest element, `spectral` by their 2-norm, `meet` by both, the
 * smaller taken at every value.
 */
export type Domain = 'componentwise' | 'spectral' | 'meet';

export const DOMAINS: readonly Domain[] = ['componentwise', 'spectral', 'meet'];

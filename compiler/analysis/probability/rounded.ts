/** Of the numbers of a table: more would say nothing, and fewer are shorter where the tables are committed. */
const BITS = 17;

/** x to 17 significant bits (Veltkamp's splitting). A power of two times x gives that power times the result, which decimal digits would not. */
export function rounded(x: number): number {
  const c = x * (2 ** (53 - BITS) + 1);
  return Number.isFinite(c) ? c - (c - x) : x;
}

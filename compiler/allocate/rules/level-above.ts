/**
 * The narrowest of the levels that has at least the bits that a rule asks for; the widest where none has, for a rule that asks for more than
 * there is gets all there is.
 *
 * @param levels ascending
 */
export function levelAbove(bits: number, levels: readonly number[]): number {
  const widest = levels.at(-1);
  if (widest === undefined) throw new Error('a rule needs at least one level');
  return levels.find((level) => level >= bits) ?? widest;
}

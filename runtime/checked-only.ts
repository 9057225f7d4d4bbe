/**
 * Specs of `specs/` that are checked, lowered and analysed but neither emitted to `generated/` nor run, and why. Whoever goes
 * through the specs to emit or to run them leaves these out.
 */
export const CHECKED_ONLY: ReadonlyMap<string, string> = new Map([
  [
    'gpt3-dense.qspec',
    '116 billion parameters: no machine here runs the program, whose text is one block 96 times',
  ],
]);

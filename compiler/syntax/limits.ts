import { MAX_DIAGNOSTICS } from '../diagnostics/limit.ts';

/** UTF-16 units of a file that are read: a thousand times the longest spec one would write. */
export const MAX_LENGTH = 4 * 1024 * 1024;

/** Levels of brackets that are read. */
export const MAX_NESTING = 64;

/** The height of an expression's tree, brackets and operators together: passes that recurse rely on it. */
export const MAX_HEIGHT = 256;

/** Mistakes of one kind that are looked at, some of which follow from others: beyond it more say nothing new. */
export const ENOUGH = 4 * MAX_DIAGNOSTICS;

import type { Source, Span } from '../../source/source.ts';
import type { Comment } from '../ast.ts';
import { type Doc, hardLine } from './doc.ts';

/**
 * What the formatter keeps of the source: comments, blank lines, and which sections and pipes were broken. The
 * methods that print comments take them in order, so documents must be built in the order of the source.
 */
export class Layout {
  private readonly text: string;
  private readonly comments: readonly Comment[];
  private next = 0;
  /** The end in the source of what was printed last, as far as blank lines behind it matter. */
  private end = 0;

  constructor(source: Source, comments: readonly Comment[]) {
    this.text = source.text;
    this.comments = comments;
  }

  /**
   * What stands between two parts: `soft`, or the comments that the source has there and new lines. A comment
   * that shares its line with code before it stays behind what was printed; others get lines of their own.
   */
  gap(start: number, soft: Doc, keepBlank = false): Doc {
    const comments = this.printComments(start, keepBlank);
    if (comments.length > 0) return [comments, this.newLine(start, keepBlank)];
    return keepBlank && this.hasBlankLine(start) ? this.newLine(start, true) : soft;
  }

  /** The comments between the last part and a closing bracket, and what stands before the bracket. */
  dangling(end: number, soft: Doc): { readonly comments: Doc; readonly close: Doc } {
    const comments = this.printComments(end, true);
    return { comments, close: comments.length > 0 ? hardLine : soft };
  }

  /** What stands between two parts of a file: the comments behind the first, a blank line, those before the second. */
  itemGap(start: number): Doc {
    const behind: Doc[] = [];
    const before: Doc[] = [];
    for (const comment of this.take(start)) {
      const trails = behind.length === 0 && before.length === 0 && !this.isFirstOnLine(comment.span.start);
      if (trails) behind.push('  ', comment.text);
      else before.push(before.length === 0 ? [] : this.newLine(comment.span.start, true), comment.text);
      this.end = comment.span.end;
    }
    const last = before.length === 0 ? [] : this.newLine(start, true);
    return [behind, hardLine, hardLine, before, last];
  }

  /** The comments in front of the whole file, each on its line. */
  leading(start: number): Doc {
    const comments = this.take(start).map((comment, i) => {
      const newLine = i === 0 ? [] : this.newLine(comment.span.start, true);
      this.end = comment.span.end;
      return [newLine, comment.text];
    });
    return comments.length === 0 ? [] : [comments, this.newLine(start, true)];
  }

  hasCommentsBefore(offset: number): boolean {
    const comment = this.comments[this.next];
    return comment !== undefined && comment.span.start < offset;
  }

  /** To be called when a part with a place in the source was printed. */
  printed(span: Span): void {
    this.end = Math.max(this.end, span.end);
  }

  /** Whether a line ends between two places in the source. */
  isBroken(start: number, end: number): boolean {
    return this.text.slice(start, end).includes('\n');
  }

  /** Whether the source has a new line between a brace and the first thing in it. */
  isBrokenAfterBrace(first: number): boolean {
    const brace = this.text.lastIndexOf('{', first);
    return brace >= 0 && this.isBroken(brace, first);
  }

  private printComments(before: number, keepBlank: boolean): readonly Doc[] {
    const parts: Doc[] = [];
    for (const comment of this.take(before)) {
      const trails = parts.length === 0 && !this.isFirstOnLine(comment.span.start);
      parts.push(trails ? '  ' : this.newLine(comment.span.start, keepBlank), comment.text);
      this.end = comment.span.end;
    }
    return parts;
  }

  private hasBlankLine(start: number): boolean {
    return /\n[ \t\r]*\n/.test(this.text.slice(this.end, start));
  }

  private newLine(start: number, keepBlank: boolean): Doc {
    return keepBlank && this.hasBlankLine(start) ? [hardLine, hardLine] : hardLine;
  }

  private isFirstOnLine(offset: number): boolean {
    const lineStart = offset === 0 ? 0 : this.text.lastIndexOf('\n', offset - 1) + 1;
    return this.text.slice(lineStart, offset).trim() === '';
  }

  private take(before: number): readonly Comment[] {
    const from = this.next;
    while (this.hasCommentsBefore(before)) this.next++;
    return this.comments.slice(from, this.next);
  }
}

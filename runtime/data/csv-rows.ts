import { createReadStream } from 'node:fs';
import { DataError, dataError, readFailure } from '../storage/data-error.ts';

/** Longest field that is read, in UTF-16 units: a file that is no table is refused before it fills the memory. */
const MAX_FIELD = 65_536;

const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Calls `visit` with the fields of each row of a comma-separated file (RFC 4180) and the line it starts on. The file is
 * streamed. Lines end in LF, CR LF or CR; blank lines are skipped; a quoted field may hold commas, line ends and doubled quotes.
 *
 * @throws DataError where the file cannot be read or its quotes do not match
 */
export async function readCsvRows(
  path: string,
  visit: (fields: readonly string[], line: number) => void,
): Promise<void> {
  const parser = new CsvParser(path, visit);
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 }))
      parser.push(chunk);
  } catch (failure) {
    throw failure instanceof DataError ? failure : readFailure(path, failure);
  }
  parser.end();
}

class CsvParser {
  readonly #path: string;
  readonly #visit: (fields: readonly string[], line: number) => void;
  #fields: string[] = [];
  #field = '';
  /** `closed`: the last character was a quote in a quoted field, which ends it or is doubled. */
  #state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  #line = 1;
  #rowLine = 1;
  #quoteLine = 1;
  #afterReturn = false;
  #first = true;

  constructor(path: string, visit: (fields: readonly string[], line: number) => void) {
    this.#path = path;
    this.#visit = visit;
  }

  push(chunk: string): void {
    let i = this.#first && chunk.startsWith('\uFEFF') ? 1 : 0;
    if (chunk.length > 0) this.#first = false;
    while (i < chunk.length)
      i = this.#state === 'quoted' ? this.#quotedText(chunk, i) : this.#plainText(chunk, i);
  }

  end(): void {
    if (this.#state === 'quoted') {
      throw this.#malformed(this.#quoteLine, 'the quote that opens here is never closed');
    }
    this.#endRow();
  }

  /** Reads up to and including the next quote; returns where to go on. */
  #quotedText(chunk: string, start: number): number {
    const quote = chunk.indexOf('"', start);
    const end = quote < 0 ? chunk.length : quote;
    const text = chunk.slice(start, end);
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.#line++;
    this.#append(text);
    if (quote < 0) return end;
    this.#state = 'closed';
    return end + 1;
  }

  /** Reads up to and including the next comma, quote or line end; returns where to go on. */
  #plainText(chunk: string, start: number): number {
    let end = start;
    let code = chunk.charCodeAt(end);
    while (
      code !== COMMA &&
      code !== LINE_FEED &&
      code !== CARRIAGE_RETURN &&
      code !== QUOTE &&
      end < chunk.length
    ) {
      code = chunk.charCodeAt(++end);
    }
    if (end > start) this.#plain(chunk.slice(start, end));
    if (end === chunk.length) return end;
    const secondOfPair = code === LINE_FEED && this.#afterReturn;
    this.#afterReturn = code === CARRIAGE_RETURN;
    if (code === QUOTE) this.#quote();
    else if (code === COMMA) this.#endField();
    else if (!secondOfPair) this.#endLine();
    return end + 1;
  }

  #plain(text: string): void {
    this.#afterReturn = false;
    if (this.#state === 'closed') {
      if (text.trim() !== '') throw this.#malformed(this.#line, 'text follows a closing quote');
      return;
    }
    if (this.#state === 'start' && text.trim() !== '') this.#state = 'plain';
    this.#append(text);
  }

  #quote(): void {
    if (this.#state === 'plain')
      throw this.#malformed(this.#line, 'a quote stands inside a field that does not start with one');
    if (this.#state === 'closed') this.#append('"');
    else this.#field = '';
    if (this.#state === 'start') this.#quoteLine = this.#line;
    this.#state = 'quoted';
  }

  #append(text: string): void {
    this.#field += text;
    if (this.#field.length > MAX_FIELD)
      throw this.#malformed(this.#line, `a field is longer than ${MAX_FIELD} characters`);
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = '';
    this.#state = 'start';
  }

  #endLine(): void {
    this.#endRow();
    this.#line++;
    this.#rowLine = this.#line;
  }

  #endRow(): void {
    const blank = this.#fields.length === 0 && this.#state === 'start';
    this.#endField();
    const fields = this.#fields;
    this.#fields = [];
    if (!blank) this.#visit(fields, this.#rowLine);
  }

  #malformed(line: number, reason: string): DataError {
    return dataError('QS7023', { path: this.#path, line, reason });
  }
}

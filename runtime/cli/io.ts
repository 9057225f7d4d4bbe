/** Where one of the two output streams goes. */
export interface Sink {
  write(text: string | Uint8Array): void;
  /** Whether a person reads it on a terminal: then there is a progress bar and, by default, colour. */
  readonly isTerminal: boolean;
}

/** Everything a command sees of the process that runs it. Data goes to `stdout`, messages to `stderr`. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Calls back on SIGINT or SIGTERM until the returned function is called. */
  onInterrupt(handler: () => void): () => void;
}

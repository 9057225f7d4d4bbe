/** One kind of diagnostic: its severity and its message, whose parameters the caller must give. */
export interface Entry<P> {
  readonly severity: 'error' | 'warning';
  readonly message: (params: P) => string;
}

export function error<P>(message: (params: P) => string): Entry<P> {
  return { severity: 'error', message };
}

export function warning<P>(message: (params: P) => string): Entry<P> {
  return { severity: 'warning', message };
}

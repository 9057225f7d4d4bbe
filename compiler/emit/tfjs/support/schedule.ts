/** Where training stands. Schedules nest by shifting `step`. */
export interface Progress {
  /** Steps taken so far; the first step is taken at 0. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Length of the whole run. */
  readonly epochs: number;
}

/** Fraction of the run that is over; 0 at the first step of any run, even of one without epochs. */
function fraction({ step, stepsPerEpoch, epochs }: Progress): number {
  return step === 0 ? 0 : Math.min(1, step / (stepsPerEpoch * epochs));
}

/** `to + (from − to)·(1 + cos(π·t/T))/2` */
export function cosine(from: number, to: number, progress: Progress): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * fraction(progress)))) / 2;
}

/** `from + (to − from)·t/T` */
export function linear(from: number, to: number, progress: Progress): number {
  return from + (to - from) * fraction(progress);
}

/** `value · factor^⌊epoch/every⌋` */
export function stepDecay(value: number, factor: number, every: number, progress: Progress): number {
  return value * factor ** Math.floor(progress.step / progress.stepsPerEpoch / every);
}

/** Linear from 0 over the first epochs, then `after`, whose own time starts there. */
export function warmup(epochs: number, after: (progress: Progress) => number, progress: Progress): number {
  const steps = epochs * progress.stepsPerEpoch;
  const rest = { ...progress, step: Math.max(0, progress.step - steps), epochs: progress.epochs - epochs };
  return progress.step < steps ? (after(rest) * progress.step) / steps : after(rest);
}

/** `1 / (1 − βᵗ)`, t counted from 1: Adam's bias correction (Kingma & Ba 2015, Algorithm 1). */
export function biasCorrection(beta: number, progress: Progress): number {
  return 1 / (1 - beta ** (progress.step + 1));
}

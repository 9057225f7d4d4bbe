/** Points of a polyline, x and y by turns, in the unit square: x to the right, y downwards. */
export type Stroke = readonly number[];

/** One way of writing a digit. */
export type Glyph = readonly Stroke[];

/** Degrees that one segment of an arc spans. */
const ARC_STEP = 18;

function line(...points: readonly number[]): Stroke {
  return points;
}

/** Part of an axis-parallel ellipse; angles in degrees, 0 to the right, growing clockwise as seen on the screen. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): Stroke {
  const segments = Math.ceil(Math.abs(to - from) / ARC_STEP);
  return Array.from(
    { length: segments + 1 },
    (_, i) => ((from + ((to - from) * i) / segments) * Math.PI) / 180,
  ).flatMap((angle) => [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)]);
}

/** Several strokes drawn without lifting the pen. */
function joined(...strokes: readonly Stroke[]): Stroke {
  return strokes.flat();
}

/** How each digit may be written: plain, cursive, with a flag, a base or a bar. */
export const GLYPHS: readonly (readonly Glyph[])[] = [
  [
    [arc(0.5, 0.5, 0.28, 0.45, -90, 270)],
    [arc(0.5, 0.5, 0.2, 0.45, -90, 270)],
    [arc(0.5, 0.5, 0.28, 0.42, -60, 285)],
    [arc(0.5, 0.5, 0.28, 0.45, -90, 270), line(0.66, 0.24, 0.34, 0.76)],
  ],
  [
    [line(0.5, 0.05, 0.5, 0.95)],
    [line(0.3, 0.28, 0.52, 0.05, 0.52, 0.95)],
    [line(0.32, 0.25, 0.52, 0.05, 0.52, 0.95), line(0.3, 0.95, 0.74, 0.95)],
  ],
  [
    [joined(arc(0.5, 0.31, 0.25, 0.26, 190, 390), line(0.24, 0.94, 0.78, 0.94))],
    [
      joined(
        arc(0.48, 0.3, 0.24, 0.25, 200, 405),
        arc(0.34, 0.82, 0.12, 0.1, -60, -330),
        line(0.5, 0.9, 0.8, 0.92),
      ),
    ],
    [joined(line(0.24, 0.14), arc(0.48, 0.32, 0.27, 0.27, -120, 45), line(0.22, 0.94, 0.8, 0.86))],
  ],
  [
    [joined(arc(0.47, 0.28, 0.24, 0.22, 200, 440), arc(0.47, 0.72, 0.27, 0.23, -80, 160))],
    [joined(line(0.24, 0.07, 0.74, 0.07, 0.46, 0.42), arc(0.46, 0.68, 0.28, 0.26, -80, 155))],
    [arc(0.44, 0.28, 0.28, 0.22, 225, 450), arc(0.44, 0.72, 0.3, 0.22, -90, 140)],
  ],
  [
    [line(0.6, 0.95, 0.6, 0.05, 0.2, 0.66, 0.82, 0.66)],
    [line(0.3, 0.06, 0.24, 0.55, 0.78, 0.55), line(0.68, 0.2, 0.66, 0.95)],
    [line(0.42, 0.05, 0.2, 0.6, 0.8, 0.58), line(0.62, 0.34, 0.56, 0.95)],
  ],
  [
    [joined(line(0.74, 0.06, 0.32, 0.06, 0.28, 0.45), arc(0.46, 0.66, 0.28, 0.28, -130, 145))],
    [
      joined(line(0.32, 0.06, 0.3, 0.44), arc(0.48, 0.67, 0.26, 0.27, -125, 150)),
      line(0.32, 0.06, 0.78, 0.08),
    ],
    [joined(line(0.76, 0.1, 0.36, 0.08, 0.26, 0.5, 0.5, 0.42), arc(0.5, 0.68, 0.25, 0.26, -90, 150))],
  ],
  [
    [joined(arc(0.66, 0.5, 0.4, 0.45, -80, -178), arc(0.51, 0.69, 0.25, 0.25, 180, -180))],
    [joined(line(0.62, 0.05, 0.3, 0.58), arc(0.5, 0.7, 0.23, 0.24, 200, -160))],
    [joined(arc(0.58, 0.4, 0.3, 0.34, -40, -180), line(0.26, 0.66), arc(0.5, 0.7, 0.23, 0.23, 180, -200))],
  ],
  [
    [line(0.22, 0.07, 0.78, 0.07, 0.42, 0.95)],
    [line(0.22, 0.07, 0.78, 0.07, 0.44, 0.95), line(0.38, 0.5, 0.74, 0.48)],
    [joined(line(0.24, 0.2, 0.26, 0.08, 0.76, 0.08), arc(0.86, 0.95, 0.42, 0.7, -105, -180))],
  ],
  [
    [arc(0.5, 0.27, 0.21, 0.21, 90, 450), arc(0.5, 0.72, 0.26, 0.24, -90, 270)],
    [
      joined(
        line(0.7, 0.16),
        arc(0.5, 0.26, 0.21, 0.19, -30, -240),
        line(0.68, 0.62),
        arc(0.5, 0.74, 0.22, 0.2, -30, 210),
        line(0.68, 0.32, 0.7, 0.18),
      ),
    ],
    [arc(0.46, 0.28, 0.19, 0.2, 60, 420), arc(0.52, 0.72, 0.24, 0.23, -120, 240)],
  ],
  [
    [joined(arc(0.49, 0.3, 0.24, 0.24, 0, -360), line(0.73, 0.3, 0.68, 0.95))],
    [joined(arc(0.5, 0.31, 0.25, 0.25, 0, -360), arc(0.35, 0.5, 0.4, 0.44, -20, 95))],
    [
      joined(
        arc(0.48, 0.28, 0.22, 0.2, -20, -340),
        line(0.72, 0.14, 0.7, 0.6),
        arc(0.5, 0.7, 0.2, 0.24, -10, 130),
      ),
    ],
  ],
];

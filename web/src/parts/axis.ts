import type { Waveform } from "../client/api";

/** A stretch of time, in seconds. */
export interface Span {
  startS: number;
  endS: number;
}

/** A stretch of time with an even grid of bars: what is drawn under every track. */
export interface Grid extends Span {
  barS: number;
}

/** A stretch of something rendered, and where the time axis has it. */
export interface Shown {
  fromS: number;
  toS: number;
  atS: number;
  gain: number;
}

const COLUMNS = 1_200;
/** Bar lines closer together than this share of the axis are thinned out. */
const CLOSEST = 0.009;
const MOST_LAYERS = 60;

export const share = (part: number, whole: number): string => `${(part / whole) * 100}%`;

/** The bar lines of all stretches as one CSS background: they follow every change of tempo. */
export function barLines(grids: Grid[], seconds: number): string {
  const layers = grids.slice(0, MOST_LAYERS).map(({ startS, endS, barS }) => {
    const [left, width] = [startS / seconds, (endS - startS) / seconds];
    let every = barS / (endS - startS);
    while (every * width < CLOSEST) every *= 2;
    const place = width < 1 ? (left / (1 - width)) * 100 : 0;
    return `repeating-linear-gradient(90deg, var(--line) 0 1px, transparent 1px ${every * 100}%) ${place}% 0 / ${width * 100}% 100% no-repeat`;
  });
  return layers.join(", ") || "none";
}

/** A waveform as the time axis has it: the pieces of it that are still there, in their new places. */
export function drawn(wave: Waveform, shown: Shown[] | null, seconds: number): { low: number[]; high: number[] } {
  const perS = wave.sample_rate / wave.frames_per_column;
  const whole: Shown[] = [{ fromS: 0, toS: wave.frames / wave.sample_rate, atS: 0, gain: 1 }];
  const low = new Array<number>(COLUMNS).fill(0);
  const high = new Array<number>(COLUMNS).fill(0);
  for (const { fromS, toS, atS, gain } of shown ?? whole) {
    const first = Math.max(0, Math.round((atS / seconds) * COLUMNS));
    const last = Math.min(COLUMNS, Math.round(((atS + toS - fromS) / seconds) * COLUMNS));
    for (let x = first; x < last; x += 1) {
      const start = (fromS - atS + (x / COLUMNS) * seconds) * perS;
      const end = Math.max(start + 1, start + (seconds / COLUMNS) * perS);
      for (let i = Math.max(0, Math.floor(start)); i < end && i < wave.max.length; i += 1) {
        high[x] = Math.max(high[x] ?? 0, (wave.max[i] ?? 0) * gain);
        low[x] = Math.min(low[x] ?? 0, (wave.min[i] ?? 0) * gain);
      }
    }
  }
  return { low, high };
}

/** What of the wanted stretches no piece covers. */
export function gaps(wanted: Span[], shown: Shown[] | null): Span[] {
  if (!shown) return [];
  return wanted.flatMap((span) => {
    let rest = [span];
    for (const { fromS, toS, atS } of shown) {
      const end = atS + toS - fromS;
      rest = rest.flatMap(({ startS, endS }) => [
        { startS, endS: Math.min(endS, atS) },
        { startS: Math.max(startS, end), endS },
      ]).filter((one) => one.endS - one.startS > 0.01);
    }
    return rest;
  });
}

import type { SongId } from "./client/api";
import { dig } from "./report";

/** A stretch of a song, in its beats, end exclusive. */
export interface Part {
  label: string;
  start: number;
  end: number;
}

/** What one song of a remix offers: its beats, its form, and how fast it runs against the remix. */
export interface Material {
  song: SongId;
  /** Beats of the song per beat of the remix. */
  rate: number;
  bar: number;
  /** First and last whole beat inside the audio. */
  low: number;
  high: number;
  /** As its form was heard; the regions of its energy where no form was. */
  parts: Part[];
  energy: Array<Part & { level: number }>;
  sung: Part[];
  secondsAt: (beat: number) => number;
  beatAt: (seconds: number) => number;
}

export type Materials = Record<SongId, Material>;

const FAR = 1_000_000;
const NEAR = 8;

interface Grid {
  times_s: number[];
  first_downbeat: number;
  beats_per_bar: number;
}

/** Beats and seconds of a tracked grid, going on at the tempo of the nearest beats outside of it. */
function clocks({ times_s, first_downbeat }: Grid): Pick<Material, "secondsAt" | "beatAt"> {
  const last = times_s.length - 1;
  const near = Math.min(NEAR, last);
  const [zero, end] = [times_s[0] ?? 0, times_s[last] ?? 1];
  const before = ((times_s[near] ?? 1) - zero) / near;
  const after = (end - (times_s[last - near] ?? 0)) / near;
  const times = [zero - FAR * before, ...times_s, end + FAR * after];
  const beats = [-first_downbeat - FAR, ...times_s.map((_, i) => i - first_downbeat), last - first_downbeat + FAR];
  return { secondsAt: (beat) => between(beat, beats, times), beatAt: (seconds) => between(seconds, times, beats) };
}

function between(x: number, xs: number[], ys: number[]): number {
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((xs[middle] ?? 0) <= x) low = middle;
    else high = middle;
  }
  const [x0 = 0, x1 = 1, y0 = 0, y1 = 1] = [xs[low], xs[high], ys[low], ys[high]];
  return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/** Read both songs out of a remix's report; null where one of them is not in it. */
export function materials(record: Record<string, unknown>): Materials | null {
  const a = material(record, "song_a");
  const b = material(record, "song_b");
  return a && b ? { song_a: a, song_b: b } : null;
}

function material(record: Record<string, unknown>, song: SongId): Material | null {
  const steps = (record.steps ?? []) as Array<{ name: string; details: unknown }>;
  const details = (name: string): unknown => steps.find((step) => step.name === name)?.details;
  const facts = dig(details(song === "song_a" ? "analyze song A" : "analyze song B"), "facts");
  const grid = dig(facts, "grid") as Grid | undefined;
  if (!grid || grid.times_s.length < 2) return null;
  const clock = clocks(grid);
  const bar = grid.beats_per_bar;
  const low = Math.ceil(clock.beatAt(0) - 1e-6);
  const high = Math.max(Math.floor(clock.beatAt(Number(dig(facts, "duration_s"))) + 1e-6), low + 1);
  const inside = (seconds: number): number => Math.min(high, Math.max(low, Math.round(clock.beatAt(seconds))));
  const spans = (found: unknown): Part[] =>
    ((found ?? []) as Array<{ start_s: number; end_s: number; label?: string }>).map((one) => ({
      label: one.label ?? "",
      start: inside(one.start_s),
      end: inside(one.end_s),
    }));
  const levels = ((dig(facts, "energy") ?? []) as Array<{ relative_energy: number }>).map((one) => one.relative_energy);
  const energy = spans(dig(facts, "energy")).map((one, i) => ({ ...one, level: levels[i] ?? 0 }));
  const form = ((dig(facts, "sections") ?? []) as Array<{ label: string; start_beat: number; end_beat: number }>).map((one) => ({
    label: one.label,
    start: one.start_beat,
    end: one.end_beat,
  }));
  const parts = form.length ? form : energy.map((one) => ({ ...one, label: `${one.label} energy` }));
  return { song, rate: rateOf(details("tempo and key"), facts, song), bar, low, high, parts, energy, sung: spans(dig(facts, "vocals", "spans")), ...clock };
}

/** What plays free runs through its beats at its own speed; see the planner's pace. */
function rateOf(tempo: unknown, facts: unknown, song: SongId): number {
  const found = dig(tempo, "songs", song);
  const locked = 1 / Number(dig(found, "beat_factor") ?? 1);
  const free = dig(found, "vocals") === "free" || dig(found, "instruments") === "free";
  const [own, target] = [Number(dig(facts, "tempo", "bpm")), Number(dig(tempo, "target_bpm"))];
  return free && own > 0 && target > 0 ? Math.max(locked, own / target) : locked;
}

/** A part's name: letters stand for parts that nobody could name. */
export function partName(part: Part): string {
  return /^[A-Z]$/.test(part.label) ? `part ${part.label}` : part.label;
}

/** The part in which a beat lies. */
export const partAt = (found: Material, beat: number): Part | undefined => found.parts.find((part) => beat >= part.start && beat < part.end);

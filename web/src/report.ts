import type { FailedCheck } from "./story";

export interface ReportCheck extends FailedCheck {
  passed: boolean | null;
}

export interface ReportStep {
  name: string;
  status: string;
  checks: ReportCheck[];
  details: Record<string, unknown>;
}

/** A section on the time axis. */
export interface Named {
  name: string;
  startS: number;
  endS: number;
  /** Of its own, in a production. */
  bpm?: number;
}

/** A run's report, as far as the page shows it. */
export interface Report {
  title: string;
  status: string;
  steps: ReportStep[];
  notices: Array<{ text: string; subject: string }>;
  passed: number;
  failed: ReportCheck[];
  unchecked: number;
  sections: Named[];
  bpm: number;
  meter: number;
  key: string;
  mixLufs: number;
  masterLufs: number;
}

type Table = Record<string, unknown>;

/** Follow names into nested tables; undefined where there is nothing. */
export function dig(value: unknown, ...names: string[]): unknown {
  return names.reduce<unknown>((inner, name) => (inner && typeof inner === "object" ? (inner as Table)[name] : undefined), value);
}

const number = (value: unknown, other: number): number => (typeof value === "number" && Number.isFinite(value) ? value : other);

export function readReport(record: Record<string, unknown>): Report {
  const steps = (record.steps ?? []) as ReportStep[];
  const details = (name: string): unknown => steps.find((step) => step.name === name)?.details;
  const checks = steps.flatMap((step) => step.checks);
  const tempo = details("tempo and key");
  const timed = timing(details("timing"), details("mix"), steps);
  const songs = Object.values((dig(tempo, "songs") ?? {}) as Table);
  return {
    title: String(record.title ?? ""),
    status: String(record.status ?? ""),
    steps,
    notices: (record.notices ?? []) as Report["notices"],
    passed: checks.filter((check) => check.passed === true).length,
    failed: checks.filter((check) => check.passed === false),
    unchecked: checks.filter((check) => check.passed === null).length,
    sections: timed.sections,
    bpm: number(dig(tempo, "target_bpm"), timed.bpm),
    meter: number(dig(details("analyze song B"), "facts", "grid", "beats_per_bar"), timed.meter),
    key: String(dig(songs[0], "key") ?? ""),
    mixLufs: number(dig(details("master"), "plan", "source_lufs"), -14),
    masterLufs: number(dig(details("master"), "measured", "wav", "integrated_lufs"), -14),
  };
}

interface TimedSection {
  name: string;
  bpm: number;
  start_frame: number;
  end_frame: number;
}

/** The grid of a production; one tempo is told, several are not. */
function timing(found: unknown, mix: unknown, steps: ReportStep[]): { sections: Named[]; bpm: number; meter: number } {
  const all = (dig(found, "sections") ?? dig(mix, "sections") ?? []) as TimedSection[];
  const rate = steps.map((step) => dig(step.details, "sample_rate")).find((value) => typeof value === "number");
  const sampleRate = number(rate, 48_000);
  const sections = all.map((one) => ({ name: one.name, startS: one.start_frame / sampleRate, endS: one.end_frame / sampleRate, bpm: one.bpm }));
  const tempos = new Set(all.map((one) => one.bpm));
  const beats = Number.parseInt(String(dig(found, "meter") ?? "4"), 10);
  return { sections, bpm: tempos.size === 1 ? number(all[0]?.bpm, 120) : 0, meter: beats || 4 };
}

/** Where a stem was joined, with what can be heard of it. */
export interface ReportJoin {
  stem: string;
  atS: number;
  audible: boolean;
  crossfadeS: number;
}

export function joins(report: Report): ReportJoin[] {
  return report.steps.flatMap((step) => {
    const found = (step.details.joins ?? []) as Array<{ time_s: number; audible: boolean; crossfade_s: number }>;
    const stem = step.name.replace(/^align /, "");
    return found.map((join) => ({ stem, atS: join.time_s, audible: join.audible, crossfadeS: join.crossfade_s }));
  });
}

/** Where a fault lies, as far as its advice names a frame. */
export function frameOf(check: FailedCheck): number | null {
  const found = /frame (\d+)/.exec(check.advice);
  return found ? Number(found[1]) : null;
}

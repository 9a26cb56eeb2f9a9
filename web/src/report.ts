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

/** A run's report, as far as the page shows it. */
export interface Report {
  title: string;
  status: string;
  steps: ReportStep[];
  notices: Array<{ text: string; subject: string }>;
  passed: number;
  failed: ReportCheck[];
  unchecked: number;
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
  const songs = Object.values((dig(tempo, "songs") ?? {}) as Table);
  return {
    title: String(record.title ?? ""),
    status: String(record.status ?? ""),
    steps,
    notices: (record.notices ?? []) as Report["notices"],
    passed: checks.filter((check) => check.passed === true).length,
    failed: checks.filter((check) => check.passed === false),
    unchecked: checks.filter((check) => check.passed === null).length,
    bpm: number(dig(tempo, "target_bpm"), 120),
    meter: number(dig(details("analyze song B"), "facts", "grid", "beats_per_bar"), 4),
    key: String(dig(songs[0], "key") ?? ""),
    mixLufs: number(dig(details("master"), "plan", "source_lufs"), -14),
    masterLufs: number(dig(details("master"), "measured", "wav", "integrated_lufs"), -14),
  };
}

import { dig, frameOf, type Report, type ReportCheck, type ReportStep } from "./report";

/** Where a fault lies in a file, in frames; what concerns all of it has no place of its own. */
export interface Fault {
  check: ReportCheck;
  /** In the order of the file, from 1. */
  number: number;
  kind: "point" | "stretch" | "whole";
  from: number;
  to: number;
  /** What the drawing says. */
  words: string;
}

/** A file of a set, with everything that was found wrong with it. */
export interface Member {
  name: string;
  frames: number;
  sampleRate: number;
  checks: number;
  faults: Fault[];
}

const CLIPPING = "clipping";
const MIX = "stems − mix";

/** Steps about one file say how long it is; the others ask of the set, or by delivery rules. */
const isFile = (step: ReportStep): boolean => dig(step.details, "frames") !== undefined;
const framesOf = (step: ReportStep): number => Number(dig(step.details, "frames") ?? 0);
const asked = (report: Report): ReportCheck[] => report.steps.filter((step) => !isFile(step)).flatMap((step) => step.checks);
function spoken(frames: number, sampleRate: number): string {
  const seconds = Math.abs(frames) / sampleRate;
  const time = seconds >= 1 ? `${seconds.toFixed(1)} s` : `${(seconds * 1_000).toFixed(1)} ms`;
  return `${Math.abs(frames).toLocaleString("en")} ${Math.abs(frames) === 1 ? "frame" : "frames"} (${time})`;
}

/** Who a check of the whole set is about: one file, or two that are alike. */
const isAbout = (check: ReportCheck, name: string): boolean => check.subject === name || check.subject.split(" + ").includes(name);

type Place = Omit<Fault, "check" | "number">;

const whole = (words: string): Place => ({ kind: "whole", from: 0, to: 0, words });
const stretch = (from: number, to: number, words: string): Place => ({ kind: "stretch", from, to, words });
const point = (frame: number, words: string): Place => ({ kind: "point", from: frame, to: frame, words });

/** Read the place out of what was measured, or out of the frame that the advice names. */
function placeOf(check: ReportCheck, frames: number, sampleRate: number): Place {
  const measured = Number(check.measured);
  const frame = frameOf(check);
  if (check.name === "start offset") return stretch(0, Math.abs(measured), `${spoken(measured, sampleRate)} ${measured > 0 ? "late" : "early"}`);
  if (check.name === "length") {
    const wanted = Number(/\d+/.exec(check.limit)?.[0] ?? measured);
    return stretch(Math.min(measured, wanted), Math.max(measured, wanted), `${spoken(wanted - measured, sampleRate)} ${measured < wanted ? "missing" : "too long"}`);
  }
  if (check.name === "complete file") return point(frames, "cut short");
  if (check.name === "duplicates") return whole(`the same: ${check.subject}`);
  if (check.name === "tail" && frame !== null) return point(frame, "cut off");
  if (frame !== null) return point(frame, check.name === "clicks" ? "click" : check.name);
  return whole(check.name);
}

/** Every file of a set that was checked; where its mix was asked, the mix at the end. */
export function members(report: Report): Member[] {
  const set = asked(report);
  const files = report.steps.filter(isFile);
  return files.map((step) => {
    const checks = [...set.filter((check) => isAbout(check, step.name)), ...step.checks];
    const frames = framesOf(step);
    const sampleRate = Number(dig(step.details, "sample_rate") ?? 48_000);
    const placed = checks.filter((check) => check.passed === false).map((check) => ({ check, ...placeOf(check, frames, sampleRate) }));
    const faults = placed.sort((a, b) => Number(a.kind === "whole") - Number(b.kind === "whole") || a.from - b.from);
    return {
      name: step.name,
      frames,
      sampleRate,
      checks: checks.length,
      faults: faults.map((fault, i) => ({ ...fault, number: i + 1 })),
    };
  });
}

/** What is wrong with the set as a whole: it belongs to no single file. */
export function general(report: Report): Fault[] {
  const names = report.steps.filter(isFile).map((step) => step.name);
  const found = asked(report).filter((check) => check.passed === false && !names.some((name) => isAbout(check, name)));
  return found.map((check, i) => {
    const frame = frameOf(check);
    const place = check.subject === MIX && frame !== null ? point(frame, "furthest from the mix") : whole(check.name);
    return { check, number: i + 1, ...place };
  });
}

/** Stretches of flat tops lie where the file itself shows them; the report names only the first. */
export function withClipping(faults: Fault[], stretches: Array<[number, number]>): Fault[] {
  return faults.flatMap((fault) => {
    if (fault.check.name !== CLIPPING || !stretches.length) return [fault];
    return stretches.map(([from, to]) => ({ ...fault, ...stretch(from, to, "clipped") }));
  });
}

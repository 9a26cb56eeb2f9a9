import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fromBlob, readFormat, readFrames } from "../audio/wav";
import { dig, frameOf, type Report, type ReportCheck, type ReportStep } from "../report";
import { local } from "../uploads";
import { plural } from "../words";
import { Failed } from "./checks";
import { share } from "./timeline";
import { Lane } from "./wave";

const COLUMNS = 600;
const BLOCK = 1 << 18;
const SET = "set";

/** The verdict, stem by stem, with every fault drawn where it is. */
export function VerdictTable({ report }: { report: Report }) {
  const set = report.steps.find((step) => step.name === SET);
  const stems = report.steps.filter((step) => step.name !== SET);
  const general = (set?.checks ?? []).filter((check) => check.passed === false && !stems.some((stem) => stem.name === check.subject));
  return (
    <section class="panel verdicts" aria-label="Verdict by stem">
      {general.map((check, i) => (
        <Failed key={i} check={check} />
      ))}
      {stems.map((stem) => (
        <StemVerdict key={stem.name} stem={stem} more={(set?.checks ?? []).filter((check) => check.subject === stem.name)} />
      ))}
    </section>
  );
}

function StemVerdict({ stem, more }: { stem: ReportStep; more: ReportCheck[] }) {
  const checks = [...more, ...stem.checks];
  const failed = checks.filter((check) => check.passed === false);
  const frames = Number(dig(stem.details, "frames") ?? 0);
  const worst = failed.some((check) => check.severity === "error") ? "bad" : failed.length ? "warn" : "ok";
  const words = { bad: "is broken", warn: "wants a look", ok: "is in order" }[worst];
  return (
    <div class={`stem-verdict ${worst}`}>
      <p class="stem-title">
        <span class="lamp" aria-hidden="true" /> <strong>{stem.name}</strong> {words}
        <span class="dim">
          {" "}
          {checks.length - failed.length} of {plural(checks.length, "check")} passed
        </span>
      </p>
      <div class="track" style={{ "--bar": "200%", "--rendered": "100%", "--at": -1 }}>
        <LocalWave name={stem.name} />
        {failed.map((check, i) => {
          const frame = frameOf(check);
          return frame === null || !frames ? null : <span key={i} class="fault" style={{ left: share(frame, frames) }} title={check.name} />;
        })}
      </div>
      {failed.map((check, i) => (
        <Failed key={i} check={check} />
      ))}
    </div>
  );
}

/** Drawn from the file that was dropped here; after a reload only the fault's place is known. */
function LocalWave({ name }: { name: string }) {
  const drawn = useSignal<{ low: number[]; high: number[] } | null>(null);
  useEffect(() => {
    const file = [...local.entries()].find(([key]) => key.replace(/\.[^.]+$/, "") === name || key === name)?.[1];
    if (!file) return;
    draw(file).then(
      (found) => (drawn.value = found),
      () => undefined, // no WAV: the line stays plain
    );
  }, [name]);
  return drawn.value ? <Lane low={drawn.value.low} high={drawn.value.high} tint="--wave" /> : null;
}

async function draw(file: File): Promise<{ low: number[]; high: number[] }> {
  const read = fromBlob(file);
  const format = await readFormat(read);
  const perColumn = Math.max(1, Math.ceil(format.frames / COLUMNS));
  const low = new Array<number>(COLUMNS).fill(0);
  const high = new Array<number>(COLUMNS).fill(0);
  for (let start = 0; start < format.frames; start += BLOCK) {
    const planes = await readFrames(read, format, start, BLOCK);
    planes.forEach((plane) =>
      plane.forEach((value, i) => {
        const column = Math.floor((start + i) / perColumn);
        if (value < (low[column] ?? 0)) low[column] = value;
        if (value > (high[column] ?? 0)) high[column] = value;
      }),
    );
  }
  return { low, high };
}

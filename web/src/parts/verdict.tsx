import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { general, members, withClipping, type Fault, type Member } from "../faults";
import { fileOf, lookAt, type Look } from "../localwave";
import type { Report } from "../report";
import { clock, measured, plural } from "../words";
import { share } from "./axis";
import { Icon } from "./icons";
import { Lane } from "./wave";

const BEFORE_S = 1;
const LISTEN_S = 3;
const SHOWN_STRETCHES = 60;

/** The verdict, stem by stem, with every fault drawn where it is: all files on one time axis. */
export function VerdictTable({ session, report }: { session: string; report: Report }) {
  const found = members(report);
  const all = general(report);
  const ends = found.flatMap((one) => [one.frames, ...one.faults.map((fault) => fault.to)]);
  const axis = Math.max(1, ...ends);
  useEffect(() => stop, []);
  return (
    <section class="panel verdicts" aria-label="Verdict by stem">
      {all.length > 0 && <Whole faults={all} axis={axis} />}
      {found.map((member) => (
        <StemVerdict key={member.name} session={session} member={member} axis={axis} />
      ))}
    </section>
  );
}

/** What is wrong with the set, and not with one file of it. */
const Whole = ({ faults, axis }: { faults: Fault[]; axis: number }) => (
  <div class={`stem-verdict ${worst(faults)}`}>
    <p class="stem-title">
      <span class="lamp" aria-hidden="true" /> <strong>The set as a whole</strong>
    </p>
    {faults.some((fault) => fault.kind !== "whole") && (
      <div class="track thin">
        <Marks faults={faults} axis={axis} />
      </div>
    )}
    <FaultList faults={faults} />
  </div>
);

const worst = (faults: Fault[]): "bad" | "warn" | "ok" =>
  faults.some((fault) => fault.check.severity === "error") ? "bad" : faults.length ? "warn" : "ok";

function StemVerdict({ session, member, axis }: { session: string; member: Member; axis: number }) {
  const look = useSignal<Look | null>(null);
  useEffect(() => {
    lookAt(session, member.name).then(
      (found) => (look.value = found),
      () => undefined, // what can't be read stays a plain line
    );
  }, [session, member.name]);
  const state = worst(member.faults);
  const words = { bad: "is broken", warn: "wants a look", ok: "is in order" }[state];
  const seen = look.value;
  // a file that was decoded by the browser may come at another rate: its places follow
  const rate = seen ? member.frames / seen.frames : 1;
  const clipped = (seen?.clipped ?? []).slice(0, SHOWN_STRETCHES).map(([from, to]): [number, number] => [from * rate, to * rate]);
  const drawn = withClipping(member.faults, clipped);
  return (
    <div class={`stem-verdict ${state}`}>
      <p class="stem-title">
        <span class="lamp" aria-hidden="true" /> <strong>{member.name}</strong> {words}
        <span class="dim">
          {" "}
          {member.checks - member.faults.length} of {plural(member.checks, "check")} passed, {clock(member.frames / member.sampleRate, true)}
        </span>
      </p>
      <div class={`track ${member.faults.some((fault) => fault.kind === "whole") ? "all-over" : ""}`}>
        <div class="file-span" style={{ width: share(member.frames, axis) }}>
          {seen && <Lane low={seen.low} high={seen.high} tint="--wave" />}
        </div>
        <Marks faults={drawn} axis={axis} />
      </div>
      <FaultList faults={member.faults} member={member} />
    </div>
  );
}

/** Faults on the time axis, numbered as in the list below. */
const Marks = ({ faults, axis }: { faults: Fault[]; axis: number }) => (
  <>
    {faults.map((fault, i) => {
      if (fault.kind === "whole") return null;
      const isLate = fault.from / axis > 0.55;
      const isFirst = faults.findIndex((one) => one.number === fault.number) === i;
      return (
        <span
          key={i}
          class={`fault ${fault.kind} ${fault.check.severity === "error" ? "bad" : "warn"} ${isLate ? "left" : ""} ${isFirst ? "first" : ""}`}
          style={{ left: share(fault.from, axis), width: fault.kind === "stretch" ? share(fault.to - fault.from, axis) : undefined }}
          title={`${fault.check.name}: ${fault.words}`}
        >
          {isFirst && (
            <b class="fault-flag">
              {fault.number} <span>{fault.words}</span>
            </b>
          )}
        </span>
      );
    })}
  </>
);

/** Every fault in words: what was asked, what was found, where, and the way out. */
const FaultList = ({ faults, member }: { faults: Fault[]; member?: Member }) => (
  <ol class="fault-list">
    {faults.map(({ check, number, kind, from }) => (
      <li key={number} class={`failed ${check.severity === "error" ? "bad" : "warn"}`} value={number}>
        <p>
          <b class="fault-number" aria-hidden="true">{number}</b> <strong>{check.name}</strong>
          {check.subject === member?.name ? "" : ` of ${check.subject}`}: <b class="read">{measured(check.measured, check.unit)}</b>, asked for <b class="read">{check.limit}</b>
          {member && kind !== "whole" && <Listen member={member} frame={from} what={check.name} />}
        </p>
        {check.advice && <p class="dim">{check.advice}</p>}
      </li>
    ))}
  </ol>
);

// ── listening ────────────────────────────────────────────────────────────────────────────────────────────────────

const sounding = signal("");
let audio: HTMLAudioElement | null = null;

function stop(): void {
  audio?.pause();
  if (audio) URL.revokeObjectURL(audio.src);
  [audio, sounding.value] = [null, ""];
}

/** Hear a fault, from a second before it, out of the file that was dropped here. */
function Listen({ member, frame, what }: { member: Member; frame: number; what: string }) {
  const file = fileOf(member.name);
  if (!file) return null;
  const id = `${member.name} ${what}`;
  const at = Math.max(0, Math.min(frame, member.frames) / member.sampleRate - BEFORE_S);
  const play = (): void => {
    stop();
    const player = (audio = new Audio(URL.createObjectURL(file)));
    player.currentTime = at;
    player.ontimeupdate = () => player.currentTime > at + LISTEN_S && audio === player && stop();
    player.onended = () => audio === player && stop();
    sounding.value = id;
    player.play().catch(() => audio === player && stop());
  };
  const isOn = sounding.value === id;
  return (
    <button type="button" class="tool small" aria-pressed={isOn} onClick={() => (isOn ? stop() : play())}>
      <Icon name={isOn ? "stop" : "play"} /> <span>at {clock(frame / member.sampleRate, true)}</span>
      <span class="sr">: hear {what} of {member.name}</span>
    </button>
  );
}

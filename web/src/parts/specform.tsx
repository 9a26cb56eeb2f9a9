import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { bars } from "../changes";
import type { SpecAnswer } from "../client/api";
import { copyLine, moveLine, readSections, removeLine, rename, setBeats, setBpm, type WrittenSection } from "../spec-text";
import { clock } from "../words";
import { barLines, share, type Grid } from "./axis";
import { Tool } from "./inspector";

interface FormProps {
  spec: string;
  found: SpecAnswer;
  put: (spec: string, gesture?: string) => void;
  undo: (() => void) | null;
}

interface Laid extends WrittenSection {
  startS: number;
  endS: number;
  tempo: number;
}

/** Sections as they lie in time, bar by bar at their tempo; what is changed here is written into the spec. */
export function SpecForm({ spec, found, put, undo }: FormProps) {
  const chosen = useSignal<number | null>(null);
  const frozen = useSignal<number | null>(null);
  const track = useRef<HTMLDivElement>(null);
  const meter = Number.parseInt(found.meter, 10) || 4;
  const written = readSections(spec, meter);
  const laid = lay(written ?? served(found), found.bpm);
  const total = laid[laid.length - 1]?.endS ?? 1;
  const seconds = frozen.value ?? total;
  const beats = laid.reduce((sum, one) => sum + one.beats, 0);
  const grids: Grid[] = laid.map((one) => ({ startS: one.startS, endS: one.endS, barS: (meter * 60) / one.tempo }));
  const resize = (one: Laid, wanted: number, gesture: string): void => {
    const snapped = Math.max(1, Math.round(wanted / meter)) * meter;
    if (snapped !== one.beats) put(setBeats(spec, one.line, snapped, meter), gesture);
  };
  const border = (one: Laid, x: number): void => {
    const { left, width } = (track.current as HTMLDivElement).getBoundingClientRect();
    resize(one, ((((x - left) / width) * seconds - one.startS) * one.tempo) / 60, `length ${one.line}`);
  };
  return (
    <section class="instrument spec-form" aria-label="Sections">
      <div class="spec-form-head">
        <h2>Sections</h2>
        <span class="read">
          {bars(beats, meter)} of {found.meter}, {clock(total)}
        </span>
        {undo && <Tool icon="undo" words="Undo" act={undo} />}
      </div>
      <div ref={track} class="track sections" style={{ "--grid": barLines(grids, seconds) }}>
        {laid.map((one, i) => (
          <button
            key={i}
            type="button"
            class="section"
            style={{ left: share(one.startS, seconds), width: share(one.endS - one.startS, seconds) }}
            aria-pressed={chosen.value === i}
            onClick={() => (chosen.value = chosen.value === i ? null : i)}
          >
            <span class="section-name">{one.name}</span>{" "}
            <span class="section-bars">
              {bars(one.beats, meter)}
              {one.tempo === found.bpm ? "" : `, ${one.tempo} bpm`}
            </span>
          </button>
        ))}
        {written && laid.map((one, i) => (
          <div
            key={`border ${i}`}
            class="border"
            role="slider"
            tabIndex={0}
            style={{ left: share(one.endS, seconds) }}
            aria-label={`Length of ${one.name}, in bars`}
            aria-valuemin={1}
            aria-valuemax={Math.max(64, Math.ceil(one.beats / meter))}
            aria-valuenow={Math.round(one.beats / meter)}
            onPointerDown={(event) => {
              frozen.value = total * 1.02;
              event.currentTarget.setPointerCapture(event.pointerId);
            }}
            onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && border(one, event.clientX)}
            onLostPointerCapture={() => (frozen.value = null)}
            onKeyDown={(event) => {
              const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
              if (!by) return;
              event.preventDefault();
              resize(one, one.beats + by * meter, `length ${one.line}`);
            }}
          />
        ))}
      </div>
      <div class="track spec-grid" style={{ "--grid": barLines(grids, seconds) }} aria-hidden="true">
        {laid.map((one, i) => (
          <span key={i} class="spec-mark read" style={{ left: share(one.startS, seconds), maxWidth: share(one.endS - one.startS, seconds) }}>
            {clock(one.startS)}
            {i === 0 || one.tempo !== laid[i - 1]?.tempo ? ` ♩=${one.tempo}` : ""}
          </span>
        ))}
      </div>
      {written && laid[chosen.value ?? -1] && (
        <SpecSection spec={spec} put={put} laid={laid} at={chosen.value ?? 0} meter={meter} songBpm={found.bpm} choose={(at) => (chosen.value = at)} resize={resize} />
      )}
    </section>
  );
}

const served = (found: SpecAnswer): WrittenSection[] =>
  found.sections.map(({ name, beats, bpm }) => ({ name, beats, bpm: bpm === found.bpm ? null : bpm, line: -1 }));

function lay(sections: WrittenSection[], songBpm: number): Laid[] {
  let startS = 0;
  return sections.map((one) => {
    const tempo = one.bpm ?? songBpm;
    const from = startS;
    startS += (one.beats * 60) / tempo;
    return { ...one, tempo, startS: from, endS: startS };
  });
}

interface SpecSectionProps {
  spec: string;
  put: (spec: string, gesture?: string) => void;
  laid: Laid[];
  at: number;
  meter: number;
  songBpm: number;
  choose: (at: number | null) => void;
  resize: (one: Laid, beats: number, gesture: string) => void;
}

function SpecSection({ spec, put, laid, at, meter, songBpm, choose, resize }: SpecSectionProps) {
  const one = laid[at] as Laid;
  const move = (to: number): void => {
    put(moveLine(spec, one.line, laid[to]?.line ?? one.line));
    choose(to);
  };
  const called = (name: string): void => {
    const isFree = !laid.some((other, i) => i !== at && other.name === name);
    if (name && isFree) put(rename(spec, one.line, name), `name ${one.line}`);
  };
  return (
    <div class="inspector" role="group" aria-label={`Section ${one.name}`}>
      <div class="inspector-head">
        <label>
          <span class="sr">Name of the section</span>
          <input type="text" class="short" maxLength={60} value={one.name} onChange={(event) => called(event.currentTarget.value.trim())} />
        </label>
        <div class="stepper" role="group" aria-label="Length of this section">
          <button type="button" class="key" aria-label="A bar shorter" disabled={one.beats <= meter} onClick={() => resize(one, one.beats - meter, "")}>
            −
          </button>
          <output class="read" aria-live="off">{bars(one.beats, meter)}</output>
          <button type="button" class="key" aria-label="A bar longer" onClick={() => resize(one, one.beats + meter, "")}>
            +
          </button>
        </div>
        <label>
          Tempo{" "}
          <input
            type="number"
            min={20}
            max={400}
            step={0.1}
            value={one.tempo}
            aria-label={`Tempo of ${one.name}, in beats per minute`}
            onChange={(event) => {
              const bpm = Number(event.currentTarget.value);
              if (bpm >= 20 && bpm <= 400) put(setBpm(spec, one.line, bpm === songBpm ? null : bpm));
            }}
          />{" "}
          bpm
        </label>
        {one.bpm !== null && (
          <button type="button" class="chip" onClick={() => put(setBpm(spec, one.line, null))}>
            As the song
          </button>
        )}
        <button type="button" class="quiet small" onClick={() => choose(null)}>
          Close
        </button>
      </div>
      <div class="tools" role="group" aria-label="The form">
        <Tool icon="earlier" words="Earlier" off={at === 0} act={() => move(at - 1)} />
        <Tool icon="later" words="Later" off={at === laid.length - 1} act={() => move(at + 1)} />
        <Tool
          icon="duplicate"
          words="Duplicate"
          act={() => {
            put(copyLine(spec, one.line, laid));
            choose(at + 1);
          }}
        />
        <Tool
          icon="remove"
          words="Delete"
          off={laid.length < 2}
          act={() => {
            put(removeLine(spec, one.line));
            choose(null);
          }}
        />
      </div>
    </div>
  );
}

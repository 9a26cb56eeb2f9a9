import { useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import type { RemixPlan, Waveform } from "../client/api";
import { beatsOf, moveBorder, use } from "../plan";
import { stemName } from "../words";
import type { Loaded } from "../views/result";
import { Inspector } from "./inspector";
import { HIGHEST_DB, LOWEST_DB, type Player, type Strip } from "./player";
import { colour, Lane, onScheme } from "./wave";

interface TimelineProps {
  player: Player;
  loaded: Loaded;
  edited: Signal<RemixPlan>;
  section: Signal<number | null>;
}

/** Sections, master and stems on one time axis, under one playhead. */
export function Timeline({ player, loaded, edited, section }: TimelineProps) {
  const box = useRef<HTMLDivElement>(null);
  const { report, master } = loaded;
  const rendered = master.frames / master.sample_rate;
  const beatS = 60 / report.bpm;
  // a longer plan stretches the axis, so that its new end can be seen
  const seconds = Math.max(rendered, beatsOf(edited.value) * beatS);
  const barShare = ((report.meter * beatS) / seconds) * 100;
  useSignalEffect(() => {
    box.current?.style.setProperty("--at", String(player.at.value / seconds));
  });
  const peak = Math.max(...[...loaded.lanes.values()].flatMap((lane) => [...lane.max, ...lane.min.map((value) => -value)]), 1e-6);
  return (
    <div ref={box} class="timeline" style={{ "--bar": `${barShare}%`, "--rendered": `${(rendered / seconds) * 100}%` }}>
      <div class="row sections-row">
        <span class="row-head dim">Sections</span>
        <Sections player={player} edited={edited} section={section} seconds={seconds} report={report} />
      </div>
      <div class="row master-row">
        <span class="row-head">
          Master <span class="dim">click to go there</span>
        </span>
        <MasterWave wave={master} player={player} />
      </div>
      {player.strips.map((strip, i) => (
        <StripRow
          key={strip.name}
          index={i}
          strip={strip}
          player={player}
          wave={loaded.lanes.get(strip.name)}
          scale={0.95 / peak}
          plan={edited.value}
          section={section}
          seconds={seconds}
          beatS={beatS}
        />
      ))}
      {section.value !== null && <Inspector edited={edited} section={section} player={player} beatS={beatS} />}
    </div>
  );
}

function MasterWave({ wave, player }: { wave: Waveform; player: Player }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!box.current) return undefined;
    const line = wave.max.map((high, i) => (Math.abs(high) > Math.abs(wave.min[i] ?? 0) ? high : (wave.min[i] ?? 0)));
    const surfer = WaveSurfer.create({
      container: box.current,
      height: 76,
      peaks: [line],
      duration: wave.frames / wave.sample_rate,
      cursorWidth: 0,
      waveColor: colour("--wave"),
      progressColor: colour("--ink"),
      dragToSeek: true,
    });
    surfer.on("interaction", (seconds) => player.seekTo(seconds));
    const off = onScheme(() => surfer.setOptions({ waveColor: colour("--wave"), progressColor: colour("--ink") }));
    const stop = player.at.subscribe((seconds) => surfer.setTime(seconds));
    return () => {
      off();
      stop();
      surfer.destroy();
    };
  }, [wave]);
  return <div ref={box} class="track master-track" aria-hidden="true" />;
}

interface SectionsProps extends Omit<TimelineProps, "loaded"> {
  seconds: number;
  report: Loaded["report"];
}

function Sections({ player, edited, section, seconds, report }: SectionsProps) {
  const track = useRef<HTMLDivElement>(null);
  const plan = edited.value;
  const share = (beat: number): string => `${((beat * 60) / report.bpm / seconds) * 100}%`;
  const beatAt = (x: number): number => {
    const { left, width } = (track.current as HTMLDivElement).getBoundingClientRect();
    return (((x - left) / width) * seconds * report.bpm) / 60;
  };
  const move = (after: number, beat: number): void => {
    edited.value = moveBorder(edited.value, after, beat, report.meter);
  };
  return (
    <div ref={track} class="track sections">
      {plan.sections.map((one, i) => (
        <button
          key={i}
          type="button"
          class={`section is-${one.label}`}
          style={{ left: share(one.start_beat), width: share(one.end_beat - one.start_beat) }}
          aria-pressed={section.value === i}
          aria-label={`${one.label}, bar ${one.start_beat / report.meter + 1} to ${one.end_beat / report.meter}`}
          onClick={() => {
            section.value = section.value === i ? null : i;
            player.seekTo((one.start_beat * 60) / report.bpm);
          }}
        >
          {one.label}
        </button>
      ))}
      {plan.sections.map((one, i) => (
        <div
          key={`border ${i}`}
          class="border"
          role="slider"
          tabIndex={0}
          style={{ left: share(one.end_beat) }}
          aria-label={`End of the ${one.label}, in bars`}
          aria-valuemin={one.start_beat / report.meter + 1}
          aria-valuemax={(plan.sections[i + 1]?.end_beat ?? one.end_beat + 64) / report.meter - 1}
          aria-valuenow={one.end_beat / report.meter}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && move(i, beatAt(event.clientX))}
          onKeyDown={(event) => {
            const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
            if (by) {
              event.preventDefault();
              move(i, one.end_beat + by * report.meter);
            }
          }}
        />
      ))}
    </div>
  );
}

interface StripProps {
  index: number;
  strip: Strip;
  player: Player;
  wave: Waveform | undefined;
  scale: number;
  plan: RemixPlan;
  section: Signal<number | null>;
  seconds: number;
  beatS: number;
}

function StripRow({ index, strip, player, wave, scale, plan, section, seconds, beatS }: StripProps) {
  const short = strip.name.replace(/^stems\//, "").replace(/\.wav$/, "");
  const side = short.startsWith("a_") ? "a" : "b";
  const label = stemName(short);
  const row = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    row.current?.style.setProperty("--level", String(Math.min(1, Math.sqrt(player.desk.levels.value[index] ?? 0))));
  });
  return (
    <div
      ref={row}
      class={`row strip of-${side} ${player.heard(strip) ? "" : "unheard"} ${player.selected.value === index ? "selected" : ""}`}
      role="group"
      aria-label={label}
      onFocusIn={() => (player.selected.value = index)}
      onPointerDown={() => (player.selected.value = index)}
    >
      <div class="row-head strip-head">
        <span class="strip-name">
          <span class="badge" aria-hidden="true">{side.toUpperCase()}</span> {short.replace(/^[ab]_/, "")}
        </span>
        <button type="button" class="key mute" aria-pressed={strip.muted.value} aria-label={`Mute ${label}`} aria-keyshortcuts="M" onClick={() => (strip.muted.value = !strip.muted.value)}>
          M
        </button>
        <button type="button" class="key solo" aria-pressed={strip.soloed.value} aria-label={`Solo ${label}`} aria-keyshortcuts="S" onClick={() => (strip.soloed.value = !strip.soloed.value)}>
          S
        </button>
        <input
          type="range"
          min={LOWEST_DB}
          max={HIGHEST_DB}
          step={0.5}
          value={strip.gainDb.value}
          aria-label={`Gain of ${label}`}
          aria-valuetext={`${strip.gainDb.value} decibels`}
          onInput={(event) => (strip.gainDb.value = Number(event.currentTarget.value))}
          onDblClick={() => (strip.gainDb.value = 0)}
        />
        <output class="read">{strip.gainDb.value <= LOWEST_DB ? "−∞" : strip.gainDb.value.toFixed(1)}</output>
        <span class="level" aria-hidden="true" />
      </div>
      <div class="track lane" onClick={(event) => player.seekTo(at(event, seconds))}>
        {plan.sections.map((one, i) => {
          const used = use(one, short);
          if (!used) return null;
          const [left, width] = [(one.start_beat * beatS) / seconds, ((one.end_beat - one.start_beat) * beatS) / seconds];
          return (
            <span
              key={i}
              class={`block ${section.value === i ? "chosen" : ""}`}
              style={{ left: `${left * 100}%`, width: `${width * 100}%`, "--gain": used.gain }}
              onDblClick={() => (section.value = i)}
            />
          );
        })}
        {wave && <Lane low={wave.min} high={wave.max} tint={`--${side}`} scale={scale} />}
      </div>
    </div>
  );
}

function at(event: MouseEvent, seconds: number): number {
  const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return ((event.clientX - left) / width) * seconds;
}

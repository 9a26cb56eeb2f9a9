import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import type { Waveform } from "../client/api";
import { stemName } from "../words";
import { HIGHEST_DB, LOWEST_DB, type Player, type Strip } from "./player";
import { colour, Lane, onScheme } from "./wave";

/** Where something plays or happens, in seconds. */
export interface Block {
  startS: number;
  endS: number;
  gain: number;
  chosen: boolean;
  choose: () => void;
}

export interface Join {
  atS: number;
  audible: boolean;
}

interface TimelineProps {
  player: Player;
  master: Waveform;
  lanes: Map<string, Waveform>;
  seconds: number;
  barS: number | null;
  sections: ComponentChildren;
  below?: ComponentChildren;
  blocksOf: (stem: string) => Block[];
  joinsOf: (stem: string) => Join[];
}

/** Sections, master and stems on one time axis, under one playhead. */
export function Timeline({ player, master, lanes, seconds, barS, sections, below, blocksOf, joinsOf }: TimelineProps) {
  const box = useRef<HTMLDivElement>(null);
  const rendered = master.frames / master.sample_rate;
  useSignalEffect(() => {
    box.current?.style.setProperty("--at", String(player.at.value / seconds));
  });
  const peak = Math.max(...[...lanes.values()].flatMap((lane) => [...lane.max, ...lane.min.map((value) => -value)]), 1e-6);
  const axis = { "--bar": barS ? `${(barS / seconds) * 100}%` : "200%", "--rendered": `${(rendered / seconds) * 100}%` };
  return (
    <div ref={box} class="timeline" style={axis}>
      <div class="row sections-row">
        <span class="row-head dim">Sections</span>
        {sections}
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
          wave={lanes.get(strip.name)}
          scale={0.95 / peak}
          seconds={seconds}
          blocks={blocksOf(shortName(strip.name))}
          joins={joinsOf(shortName(strip.name))}
        />
      ))}
      {below}
    </div>
  );
}

export const shortName = (output: string): string => output.replace(/^stems\//, "").replace(/\.wav$/, "");

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

interface StripProps {
  index: number;
  strip: Strip;
  player: Player;
  wave: Waveform | undefined;
  scale: number;
  seconds: number;
  blocks: Block[];
  joins: Join[];
}

function StripRow({ index, strip, player, wave, scale, seconds, blocks, joins }: StripProps) {
  const short = shortName(strip.name);
  const side = /^([ab])_/.exec(short)?.[1] ?? "n";
  const label = stemName(short);
  const row = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    row.current?.style.setProperty("--level", String(Math.min(1, Math.sqrt(player.desk.levels.value[index] ?? 0))));
  });
  const chosen = player.selected.value === index;
  return (
    <div
      ref={row}
      class={`row strip of-${side} ${player.heard(strip) ? "" : "unheard"} ${chosen ? "selected" : ""}`}
      role="group"
      aria-label={chosen ? `${label}, selected` : label}
      onFocusIn={() => (player.selected.value = index)}
      onPointerDown={() => (player.selected.value = index)}
    >
      <StripHead strip={strip} label={label} side={side} name={short.replace(/^[ab]_/, "")} />
      <div class="track lane" onClick={(event) => player.seekTo(at(event, seconds))}>
        {blocks.map((block, i) => (
          <span
            key={i}
            class={`block ${block.chosen ? "chosen" : ""}`}
            style={{ left: share(block.startS, seconds), width: share(block.endS - block.startS, seconds), "--gain": block.gain }}
            onDblClick={block.choose}
          />
        ))}
        {wave && <Lane low={wave.min} high={wave.max} tint={`--${side}`} scale={scale} />}
        {joins.map((join, i) => (
          <span key={i} class={`join ${join.audible ? "warn" : ""}`} style={{ left: share(join.atS, seconds) }} />
        ))}
      </div>
    </div>
  );
}

function StripHead({ strip, label, side, name }: { strip: Strip; label: string; side: string; name: string }) {
  return (
    <div class="row-head strip-head">
      <span class="strip-name">
        {side !== "n" && (
          <span class="badge" aria-hidden="true">
            {side.toUpperCase()}
          </span>
        )}
        <span>{name}</span>
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
  );
}

export const share = (part: number, whole: number): string => `${(part / whole) * 100}%`;

function at(event: MouseEvent, seconds: number): number {
  const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return ((event.clientX - left) / width) * seconds;
}

import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import type { Waveform } from "../client/api";
import { stemName } from "../words";
import { barLines, drawn, gaps, share, type Grid, type Shown, type Span } from "./axis";
import { HIGHEST_DB, LOWEST_DB, type Player, type Strip } from "./player";
import { colour, Lane, onScheme } from "./wave";

/** Where something plays, in seconds: as high as it is loud, rising from what was before. */
export interface Block extends Span {
  gain: number;
  chosen: boolean;
  /** How long it rises or falls from `before`. */
  riseS?: number;
  before?: number;
  note?: string;
  choose: () => void;
}

export interface Join {
  atS: number;
  audible: boolean;
  chosen?: boolean;
}

interface TimelineProps {
  player: Player;
  master: Waveform;
  lanes: Map<string, Waveform>;
  seconds: number;
  grids: Grid[];
  head?: ComponentChildren;
  sections: ComponentChildren;
  below?: ComponentChildren;
  /** Stems that are not rendered yet. */
  ghosts?: string[];
  blocksOf: (stem: string) => Block[];
  joinsOf: (stem: string) => Join[];
  /** What of a track is still heard, and where; null for the master, and null where all of it is. */
  shownOf?: (stem: string | null) => Shown[] | null;
}

/** Sections, master and stems on one time axis, under one playhead. */
export function Timeline({ player, master, lanes, seconds, grids, head, sections, below, ghosts = [], blocksOf, joinsOf, shownOf = () => null }: TimelineProps) {
  const box = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    box.current?.style.setProperty("--at", String(player.at.value / seconds));
  });
  const peak = Math.max(...[...lanes.values()].flatMap((lane) => [...lane.max, ...lane.min.map((value) => -value)]), 1e-6);
  return (
    <div ref={box} class="timeline" style={{ "--grid": barLines(grids, seconds) }}>
      <div class="row sections-row">
        <div class="row-head sections-head">{head ?? <span class="dim">Sections</span>}</div>
        {sections}
      </div>
      <div class="row master-row">
        <span class="row-head">
          Master <span class="dim">click to go there</span>
        </span>
        <MasterWave wave={master} shown={shownOf(null)} seconds={seconds} player={player} />
      </div>
      {player.strips.map((strip, i) => {
        const short = shortName(strip.name);
        const label = stemName(short);
        return (
          <StripRow
            key={strip.name}
            index={i}
            strip={strip}
            player={player}
            label={label}
            wave={lanes.get(strip.name)}
            shown={shownOf(short)}
            scale={0.95 / peak}
            seconds={seconds}
            blocks={blocksOf(short)}
            joins={joinsOf(short)}
          />
        );
      })}
      {ghosts.map((stem) => (
        <div key={stem} class={`row ghost of-${sideOf(stem)}`}>
          <div class="row-head strip-head">
            <Name short={stem} />
            <span class="dim ghost-words">comes with the next rendering</span>
          </div>
          <div class="track lane">
            <Blocks blocks={blocksOf(stem)} seconds={seconds} />
            <Gaps gaps={blocksOf(stem)} seconds={seconds} />
          </div>
        </div>
      ))}
      {below}
    </div>
  );
}

export const shortName = (output: string): string => output.replace(/^stems\//, "").replace(/\.wav$/, "");

const sideOf = (stem: string): string => /^([ab])_/.exec(stem)?.[1] ?? "n";

function MasterWave({ wave, shown, seconds, player }: { wave: Waveform; shown: Shown[] | null; seconds: number; player: Player }) {
  const box = useRef<HTMLDivElement>(null);
  const key = JSON.stringify([shown, seconds]);
  useEffect(() => {
    if (!box.current) return undefined;
    const { low, high } = drawn(wave, shown, seconds);
    const surfer = WaveSurfer.create({
      container: box.current,
      height: 76,
      peaks: [high.map((value, i) => (value > -(low[i] ?? 0) ? value : (low[i] ?? 0)))],
      duration: seconds,
      cursorWidth: 0,
      waveColor: colour("--wave"),
      progressColor: colour("--ink"),
      dragToSeek: true,
    });
    surfer.on("interaction", (at) => player.seekTo(at));
    const off = onScheme(() => surfer.setOptions({ waveColor: colour("--wave"), progressColor: colour("--ink") }));
    const stop = player.at.subscribe((at) => surfer.setTime(at));
    return () => {
      off();
      stop();
      surfer.destroy();
    };
  }, [wave, key]);
  return (
    <div class="track master-track" aria-hidden="true">
      <div ref={box} />
      <Gaps gaps={gaps([{ startS: 0, endS: seconds }], shown)} seconds={seconds} />
    </div>
  );
}

/** Where something will be that is not rendered yet. */
const Gaps = ({ gaps: found, seconds }: { gaps: Span[]; seconds: number }) => (
  <>
    {found.map((gap, i) => (
      <span key={i} class="gap" style={{ left: share(gap.startS, seconds), width: share(gap.endS - gap.startS, seconds) }} />
    ))}
  </>
);

const Blocks = ({ blocks, seconds }: { blocks: Block[]; seconds: number }) => (
  <>
    {blocks.map((block, i) => {
      const rise = Math.min(1, (block.riseS ?? 0) / (block.endS - block.startS)) * 100;
      const from = (1 - Math.min(1, (block.before ?? 0) / block.gain)) * 100;
      const slope = rise > 0 && from > 0 ? { clipPath: `polygon(0 ${from}%, ${rise}% 0, 100% 0, 100% 100%, 0 100%)` } : {};
      return (
        <span
          key={i}
          class={`block ${block.chosen ? "chosen" : ""}`}
          style={{ left: share(block.startS, seconds), width: share(block.endS - block.startS, seconds), "--gain": block.gain, ...slope }}
          onDblClick={block.choose}
        />
      );
    })}
    {blocks.map((block, i) => block.note && (
      <span key={`n${i}`} class="block-note read" style={{ left: share(block.startS, seconds), maxWidth: share(block.endS - block.startS, seconds) }}>
        {block.note}
      </span>
    ))}
  </>
);

const Name = ({ short }: { short: string }) => {
  const side = sideOf(short);
  return (
    <span class="strip-name">
      {side !== "n" && (
        <span class="badge" aria-hidden="true">
          {side.toUpperCase()}
        </span>
      )}
      <span>{short.replace(/^[ab]_/, "")}</span>
    </span>
  );
};

interface StripProps {
  index: number;
  strip: Strip;
  player: Player;
  label: string;
  wave: Waveform | undefined;
  shown: Shown[] | null;
  scale: number;
  seconds: number;
  blocks: Block[];
  joins: Join[];
}

function StripRow({ index, strip, player, label, wave, shown, scale, seconds, blocks, joins }: StripProps) {
  const short = shortName(strip.name);
  const side = sideOf(short);
  const row = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    row.current?.style.setProperty("--level", String(Math.min(1, Math.sqrt(player.desk.levels.value[index] ?? 0))));
  });
  const chosen = player.selected.value === index;
  const key = JSON.stringify([shown, seconds]);
  const lane = useMemo(() => wave && drawn(wave, shown, seconds), [wave, key]);
  return (
    <div
      ref={row}
      class={`row strip of-${side} ${player.heard(strip) ? "" : "unheard"} ${chosen ? "selected" : ""}`}
      role="group"
      aria-label={chosen ? `${label}, selected` : label}
      onFocusIn={() => (player.selected.value = index)}
      onPointerDown={() => (player.selected.value = index)}
    >
      <StripHead strip={strip} label={label} short={short} />
      <div class="track lane" onClick={(event) => player.seekTo(at(event, seconds))}>
        <Blocks blocks={blocks} seconds={seconds} />
        {lane && <Lane low={lane.low} high={lane.high} tint={`--${side}`} scale={scale} />}
        <Gaps gaps={gaps(blocks, shown)} seconds={seconds} />
        {joins.map((join, i) => (
          <span key={i} class={`join ${join.audible ? "warn" : ""} ${join.chosen ? "chosen" : ""}`} style={{ left: share(join.atS, seconds) }} />
        ))}
      </div>
    </div>
  );
}

function StripHead({ strip, label, short }: { strip: Strip; label: string; short: string }) {
  return (
    <div class="row-head strip-head">
      <Name short={short} />
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

function at(event: MouseEvent, seconds: number): number {
  const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return ((event.clientX - left) / width) * seconds;
}

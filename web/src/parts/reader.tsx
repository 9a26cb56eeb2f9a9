import { useRef } from "preact/hooks";
import type { Cue, SongId } from "../client/api";
import { bars, called, songName } from "../changes";
import type { Edits } from "../edits";
import { partAt, partName, type Material, type Materials } from "../material";
import { lengthOf, naturalStart, reads, setCue, type Draft } from "../plan";
import { clock } from "../words";
import { share } from "./axis";

interface ReaderProps {
  edits: Edits;
  songs: Materials;
  at: number;
  song: SongId;
}

const LOOP_BARS = [1, 2, 4, 8, 16];
const GOES_ON = "on";

/** Where a section reads a song: on a map of the song, from a part of it, or on from where it was. */
export function Reader({ edits, songs, at, song }: ReaderProps) {
  const draft = edits.draft.value;
  const found = songs[song];
  const clip = draft.sections[at] as Draft["sections"][number];
  const read = reads(draft, found)[at] ?? { start: 0, end: 0, loop: null };
  const cue = clip.cues?.[song] ?? null;
  const needed = lengthOf(clip) * found.rate;
  const put = (next: Cue | null, gesture = ""): void => {
    const where = next ? `plays from ${clock(found.secondsAt(next.source_beat))}` : "goes on where it is";
    edits.do(setCue(draft, songs, at, song, next), `In the ${called(draft, at)}, ${songName(song)} ${where}.`, gesture);
  };
  const from = (source_beat: number, gesture = ""): void => put({ source_beat, loop_beats: read.loop }, gesture);
  const side = song.slice(-1);
  return (
    <div class={`reader of-${side}`}>
      <h2>
        <span class="badge" aria-hidden="true">{side.toUpperCase()}</span> {songName(song)} plays from <span class="read">{clock(found.secondsAt(read.start))}</span>
      </h2>
      <SongMap found={found} start={read.start} end={Math.min(read.end, found.high)} needed={read.loop ?? needed} move={from} />
      <div class="entry">
        <label>
          <span class="sr">Where {songName(song)} is read</span>
          <select value={cueValue(found, cue)} onChange={(event) => choose(event.currentTarget.value, found, put, from)}>
            <option value={GOES_ON}>goes on, at {clock(found.secondsAt(naturalStart(draft, found, at)))}</option>
            {cue && !atPart(found, cue) && <option value="here">from {clock(found.secondsAt(cue.source_beat))}</option>}
            {found.parts.map((part, i) => (
              <option key={i} value={String(i)}>
                {partName(part)}, {clock(found.secondsAt(part.start))}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="sr">Loop of {songName(song)}</span>
          <select value={String(read.loop ?? 0)} onChange={(event) => put({ source_beat: Math.round(read.start), loop_beats: Number(event.currentTarget.value) || null })}>
            <option value="0">runs through</option>
            {loops(found, read.loop, needed).map((beats) => (
              <option key={beats} value={String(beats)}>
                repeats {bars(beats, found.bar)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {read.end > found.high + 0.5 && <p class="dim">The song ends at {clock(found.secondsAt(found.high))}: a phrase of it comes again.</p>}
    </div>
  );
}

const atPart = (found: Material, cue: Cue): number => found.parts.findIndex((part) => part.start === cue.source_beat) + 1;

const cueValue = (found: Material, cue: Cue | null): string => (cue ? (atPart(found, cue) ? String(atPart(found, cue) - 1) : "here") : GOES_ON);

function choose(value: string, found: Material, put: (cue: Cue | null) => void, from: (beat: number) => void): void {
  const part = found.parts[Number(value)];
  if (value === GOES_ON) put(null);
  else if (part) from(Math.max(part.start, found.low));
}

const loops = ({ bar, low, high }: Material, now: number | null, needed: number): number[] =>
  [...new Set([...LOOP_BARS.map((count) => count * bar).filter((beats) => beats < needed && beats <= high - low), ...(now ? [now] : [])])].sort((a, b) => a - b);

interface MapProps {
  found: Material;
  start: number;
  end: number;
  needed: number;
  move: (beat: number, gesture?: string) => void;
}

/** The song from end to end: its parts, how loud they are, where somebody sings, and the stretch that is read. */
function SongMap({ found, start, end, needed, move }: MapProps) {
  const box = useRef<HTMLDivElement>(null);
  const span = found.high - found.low;
  const latest = Math.max(found.low, Math.floor((found.high - Math.min(needed, span)) / found.bar) * found.bar);
  const place = (beat: number): string => share(Math.min(Math.max(beat, found.low), found.high) - found.low, span);
  const stretch = (from: number, to: number) => ({ left: place(from), width: share(Math.max(0, Math.min(to, found.high) - Math.max(from, found.low)), span) });
  const to = (beat: number, gesture: string): void => {
    const first = Math.ceil(found.low / found.bar) * found.bar;
    move(Math.min(Math.max(Math.round(beat / found.bar) * found.bar, first), Math.max(first, latest)), gesture);
  };
  const grip = useRef(0);
  const beatAt = (x: number): number => {
    const { left, width } = (box.current as HTMLDivElement).getBoundingClientRect();
    return found.low + ((x - left) / width) * span;
  };
  const step = (by: number): number => {
    const starts = found.parts.map((part) => part.start);
    return (by > 0 ? starts.find((one) => one > start + 0.5) : starts.reverse().find((one) => one < start - 0.5)) ?? start;
  };
  const part = partAt(found, start);
  const keys: Record<string, number> = { ArrowLeft: start - found.bar, ArrowDown: start - found.bar, ArrowRight: start + found.bar, ArrowUp: start + found.bar, Home: found.low, End: latest };
  const gesture = `cue ${found.song}`;
  return (
    <div
      ref={box}
      class="song-map"
      role="slider"
      tabIndex={0}
      aria-label={`Where ${songName(found.song)} is read, in bars`}
      aria-valuemin={Math.ceil(found.low / found.bar) + 1}
      aria-valuemax={Math.max(Math.floor(start / found.bar), latest / found.bar) + 1}
      aria-valuenow={Math.floor(start / found.bar) + 1}
      aria-valuetext={`bar ${Math.floor(start / found.bar) + 1}, ${clock(found.secondsAt(start))}${part ? `, ${partName(part)}` : ""}`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        const beat = beatAt(event.clientX);
        // held inside the stretch it moves along; elsewhere the stretch comes to the finger
        grip.current = beat >= start && beat < end ? beat - start : 0;
        if (!grip.current) to(beat, gesture);
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && to(beatAt(event.clientX) - grip.current, gesture)}
      onKeyDown={(event) => {
        const beat = event.key === "PageUp" ? step(1) : event.key === "PageDown" ? step(-1) : keys[event.key];
        if (beat === undefined || event.altKey) return;
        event.preventDefault();
        to(beat, gesture);
      }}
    >
      {found.energy.map((one, i) => (
        <i key={`e${i}`} class="map-energy" style={{ ...stretch(one.start, one.end), height: `${20 + one.level * 45}%` }} />
      ))}
      {found.parts.map((one, i) => (
        <span key={`p${i}`} class="map-part" style={stretch(one.start, one.end)}>
          {partName(one)}
        </span>
      ))}
      {found.sung.map((one, i) => (
        <i key={`s${i}`} class="map-sung" style={stretch(one.start, one.end)} />
      ))}
      <span class="map-read" style={stretch(start, end)} />
    </div>
  );
}

import type { Signal } from "@preact/signals";
import type { Label, SongId, SongStem, Transition } from "../client/api";
import { bars, called, songName, stemWords } from "../changes";
import type { Edits } from "../edits";
import type { Materials } from "../material";
import {
  duplicateSection, insertSection, LABELS, lengthOf, longestTransition, moveSection, removeSection, resizeSection,
  setLabel, setStem, setTransition, SONGS, sounds, splitBeat, splitSection, stemsOf, TRANSITIONS, type Draft,
} from "../plan";
import { plural } from "../words";
import { Icon, type IconName } from "./icons";
import type { Player } from "./player";
import { Reader } from "./reader";

interface InspectorProps {
  edits: Edits;
  songs: Materials;
  section: Signal<number | null>;
  player: Player;
  beatS: number;
  meter: number;
}

const SOURCES = [
  ["song_a", "A"],
  ["both", "A+B"],
  ["song_b", "B"],
] as const;
const LENGTHS = [1, 2, 4, 8, 16, 32];

/** The chosen section: its place and length, how it comes in, what of each song it plays, and every stem's source and level. */
export function Inspector(props: InspectorProps) {
  const { edits, songs, section, meter } = props;
  const at = section.value ?? 0;
  const draft = edits.draft.value;
  const one = draft.sections[at];
  if (!one) return null;
  return (
    <section class="inspector" aria-label={`Section ${at + 1}, ${one.label}`}>
      <Head {...props} at={at} />
      <Tools {...props} at={at} />
      <div class="inspector-body">
        <div>
          <h2>How it comes in</h2>
          <Entry edits={edits} at={at} meter={meter} />
          <h2>Stems</h2>
          {stemsOf(draft).map((stem) => (
            <Use key={stem} edits={edits} at={at} stem={stem} />
          ))}
        </div>
        <div>
          {SONGS.map((song) => (sounds(one, song) ? <Reader key={song} edits={edits} songs={songs} at={at} song={song} /> : <Silent key={song} song={song} />))}
        </div>
      </div>
    </section>
  );
}

const Silent = ({ song }: { song: SongId }) => (
  <div class={`reader of-${song.slice(-1)}`}>
    <h2>
      <span class="badge" aria-hidden="true">{song.slice(-1).toUpperCase()}</span> {songName(song)}
    </h2>
    <p class="dim">No stem of it plays here.</p>
  </div>
);

type At = InspectorProps & { at: number };

function Head({ edits, section, player, beatS, meter, songs, at }: At) {
  const draft = edits.draft.value;
  const one = draft.sections[at] as Draft["sections"][number];
  const looped = player.loopSection.value === at;
  const length = lengthOf(one);
  const resize = (by: number): void => edits.do(resizeSection(draft, songs, at, length + by * meter), `The ${called(draft, at)} lasts ${bars(length + by * meter, meter)}.`, `length ${at}`);
  const loop = (): void => {
    player.loopSection.value = looped ? null : at;
    if (!looped) player.seekTo(one.start_beat * beatS);
  };
  return (
    <div class="inspector-head">
      <label>
        <span class="sr">What section {at + 1} is</span>
        <select value={one.label} onChange={(event) => edits.do(setLabel(draft, at, event.currentTarget.value as Label), `It is called ${event.currentTarget.value}.`)}>
          {LABELS.map((label) => (
            <option key={label}>{label}</option>
          ))}
        </select>
      </label>
      <div class="stepper" role="group" aria-label="Length of this section">
        <button type="button" class="key" aria-label="A bar shorter" disabled={length <= Math.max(meter, 4)} onClick={() => resize(-1)}>
          −
        </button>
        <output class="read" aria-live="off">{bars(length, meter)}</output>
        <button type="button" class="key" aria-label="A bar longer" onClick={() => resize(1)}>
          +
        </button>
      </div>
      <button type="button" class="chip" aria-pressed={looped} onClick={loop}>
        <Icon name="loop" /> Loop it
      </button>
      <button type="button" class="quiet small" onClick={() => (section.value = null)}>
        Close
      </button>
    </div>
  );
}

/** Everything that changes the form. */
function Tools({ edits, section, player, beatS, songs, at, meter }: At) {
  const draft = edits.draft.value;
  const name = called(draft, at);
  const one = draft.sections[at] as Draft["sections"][number];
  const here = player.at.peek() / beatS;
  const near = here > one.start_beat && here < one.end_beat ? here : (one.start_beat + one.end_beat) / 2;
  const cut = splitBeat(draft, songs, at, near);
  const go = (next: Draft, said: string, to: number | null): void => {
    // a loop stays with its section, and ends with it
    if (player.loopSection.value === at) player.loopSection.value = to;
    edits.do(next, said);
    section.value = to;
  };
  const last = draft.sections.length - 1;
  const move = (to: number): void => go(moveSection(draft, songs, at, to), `The ${one.label} is section ${to + 1} of ${last + 1} now.`, to);
  return (
    <div class="tools" role="group" aria-label="The form">
      <Tool icon="earlier" words="Earlier" off={at === 0} act={() => move(at - 1)} />
      <Tool icon="later" words="Later" off={at === last} act={() => move(at + 1)} />
      <Tool icon="split" words="Split" off={cut === null} hint={cut === null ? "Too short to be split" : `At bar ${cut / meter + 1}; move the playhead to split elsewhere`} act={() => go(splitSection(draft, songs, at, near), `The ${name} is split.`, at + 1)} />
      <Tool icon="duplicate" words="Duplicate" act={() => go(duplicateSection(draft, songs, at), `The ${name} comes twice.`, at + 1)} />
      <Tool icon="insert" words="Insert after" act={() => go(insertSection(draft, songs, at), `A new section comes after the ${name}.`, at + 1)} />
      <Tool icon="remove" words="Delete" off={last < 2} hint={last < 2 ? "A remix has at least two sections" : ""} act={() => go(removeSection(draft, songs, at), `The ${name} is taken out.`, null)} />
    </div>
  );
}

interface ToolProps {
  icon: IconName;
  words: string;
  act: () => void;
  off?: boolean;
  hint?: string;
}

export const Tool = ({ icon, words, act, off = false, hint = "" }: ToolProps) => (
  <button type="button" class="tool" disabled={off} title={hint || undefined} onClick={act}>
    <Icon name={icon} /> {words}
  </button>
);

function Entry({ edits, at, meter }: { edits: Edits; at: number; meter: number }) {
  const draft = edits.draft.value;
  const { transition_in: kind = "crossfade", transition_beats: beats = 4, ...one } = draft.sections[at] as Draft["sections"][number];
  const most = longestTransition(lengthOf(one));
  const lengths = [...new Set([...LENGTHS.filter((length) => length <= most), beats])].filter((length) => length > 0).sort((a, b) => a - b);
  const put = (next: Transition, length?: number): void =>
    edits.do(setTransition(draft, at, next, length), `The ${called(draft, at)} comes in with a ${next}.`);
  return (
    <div class="entry">
      <div class="sources" role="group" aria-label="How it comes in">
        {TRANSITIONS.map((name) => (
          <button key={name} type="button" class="key wide" aria-pressed={kind === name} onClick={() => put(name)}>
            <Icon name={name} /> {name}
          </button>
        ))}
      </div>
      {kind !== "cut" && (
        <label>
          over{" "}
          <select value={String(beats)} aria-label="Length of the transition" onChange={(event) => put(kind, Number(event.currentTarget.value))}>
            {lengths.map((length) => (
              <option key={length} value={String(length)}>
                {length % meter ? plural(length, "beat") : bars(length, meter)}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}

function Use({ edits, at, stem }: { edits: Edits; at: number; stem: SongStem }) {
  const draft = edits.draft.value;
  const used = draft.sections[at]?.stems[stem];
  if (!used) return null;
  const put = (values: Partial<typeof used>, said: string, gesture = ""): void => edits.do(setStem(draft, at, stem, values), said, gesture);
  const oneVoice = stem === "vocals" && !draft.both_voices;
  return (
    <div class="use">
      <span>{stemWords(stem)}</span>
      <div class="sources" role="group" aria-label={`Source of ${stem}`}>
        {SOURCES.map(([song, words]) => (
          <button
            key={song}
            type="button"
            class={`key from-${song}`}
            aria-pressed={used.song === song}
            disabled={song === "both" && oneVoice}
            title={song === "both" && oneVoice ? "Allow two voices at once under Whole remix" : undefined}
            onClick={() => put({ song }, `${stemWords(stem)} from ${words}.`)}
          >
            {words}
          </button>
        ))}
      </div>
      <input
        type="range"
        min={0}
        max={1}
        step={0.05}
        value={used.gain}
        aria-label={`Level of ${stem} in this section`}
        aria-valuetext={`${Math.round(used.gain * 100)} percent`}
        onInput={(event) => put({ gain: Number(event.currentTarget.value) }, "", `gain ${at} ${stem}`)}
      />
      <output class="read" aria-live="off">{used.gain > 0 ? `${Math.round(used.gain * 100)} %` : "silent"}</output>
    </div>
  );
}

import type { Signal } from "@preact/signals";
import type { Label, RemixPlan } from "../client/api";
import { LABELS, setLabel, setStem, stemsOf } from "../plan";
import type { Player } from "./player";

interface InspectorProps {
  edited: Signal<RemixPlan>;
  section: Signal<number | null>;
  player: Player;
  beatS: number;
}

const SOURCES = [
  ["song_a", "A"],
  ["both", "A+B"],
  ["song_b", "B"],
] as const;

/** The chosen section: what it is, which song each stem comes from, and how loud. */
export function Inspector({ edited, section, player, beatS }: InspectorProps) {
  const at = section.value ?? 0;
  const plan = edited.value;
  const one = plan.sections[at];
  if (!one) return null;
  const looped = player.loopSection.value === at;
  const loop = (): void => {
    player.loopSection.value = looped ? null : at;
    const frames = [one.start_beat, one.end_beat].map((beat) => Math.min(player.desk.frames, Math.round(beat * beatS * player.desk.sampleRate)));
    player.desk.setLoop(looped ? null : (frames as [number, number]));
    if (!looped) player.seekTo(one.start_beat * beatS);
  };
  return (
    <section class="inspector" aria-label={`Section ${at + 1}, ${one.label}`}>
      <div class="inspector-head">
        <label>
          Section{" "}
          <select value={one.label} onChange={(event) => (edited.value = setLabel(plan, at, event.currentTarget.value as Label))}>
            {LABELS.map((label) => (
              <option key={label}>{label}</option>
            ))}
          </select>
        </label>
        <span class="dim read">
          beats {one.start_beat}–{one.end_beat}, {one.transition_in ?? "crossfade"}
        </span>
        <button type="button" class="chip" aria-pressed={looped} onClick={loop}>
          Loop it
        </button>
        <button type="button" class="quiet small" onClick={() => (section.value = null)}>
          Close
        </button>
      </div>
      {stemsOf(plan).map((stem) => {
        const used = one.stems[stem];
        if (!used) return null;
        return (
          <div key={stem} class="use">
            <span>{stem}</span>
            <div class="sources" role="group" aria-label={`Source of ${stem}`}>
              {SOURCES.map(([song, words]) => (
                <button key={song} type="button" class="key" aria-pressed={used.song === song} onClick={() => (edited.value = setStem(plan, at, stem, { song }))}>
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
              onInput={(event) => (edited.value = setStem(plan, at, stem, { gain: Number(event.currentTarget.value) }))}
            />
            <output class="read">{Math.round(used.gain * 100)} %</output>
          </div>
        );
      })}
    </section>
  );
}

import type { KeySource, RemixPlan, TempoSource } from "../client/api";
import type { Edits } from "../edits";

const TONICS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const KEYS = TONICS.flatMap((tonic) => [`${tonic} major`, `${tonic} minor`]);
const signed = (value: number): string => (value > 0 ? `+${value}` : `${value}`.replace("-", "−"));

/** What holds for the whole remix: tempo, key, and how the voice stands to the instruments. */
export function Whole({ edits, bpm, close }: { edits: Edits; bpm: number; close: () => void }) {
  const draft = edits.draft.value;
  const put = (values: Partial<RemixPlan>, said: string): void => edits.do({ ...draft, ...values, sections: draft.sections }, said, Object.keys(values).join());
  const tempo = (source: TempoSource): void => put({ tempo_source: source, target_bpm: source === "target" ? Math.round(bpm) : null }, "The tempo is another one.");
  const key = (value: string): void => {
    const isTarget = KEYS.includes(value);
    put({ key_source: isTarget ? "target" : (value as KeySource), target_key: isTarget ? value : null }, "The key is another one.");
  };
  return (
    <section class="inspector" aria-label="Whole remix">
      <div class="inspector-head">
        <h2>Whole remix</h2>
        <button type="button" class="quiet small" onClick={close}>
          Close
        </button>
      </div>
      <div class="whole">
        <label>
          Tempo
          <select value={draft.tempo_source} onChange={(event) => tempo(event.currentTarget.value as TempoSource)}>
            <option value="song_a">of song A</option>
            <option value="song_b">of song B</option>
            <option value="average">in between</option>
            <option value="target">my own</option>
          </select>
        </label>
        {draft.tempo_source === "target" && (
          <label>
            bpm
            <input type="number" min={40} max={250} step={0.1} value={draft.target_bpm ?? bpm} onChange={(event) => put({ target_bpm: Math.min(250, Math.max(40, Number(event.currentTarget.value) || bpm)) }, "The tempo is another one.")} />
          </label>
        )}
        <label>
          Key
          <select value={draft.key_source === "target" ? (draft.target_key ?? "C major") : draft.key_source} onChange={(event) => key(event.currentTarget.value)}>
            <option value="song_a">of song A</option>
            <option value="song_b">of song B</option>
            <option value="none">each song's own</option>
            {KEYS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Moved by
          <select value={String(draft.transpose_semitones ?? 0)} onChange={(event) => put({ transpose_semitones: Number(event.currentTarget.value) }, "Everything is moved.")}>
            {[-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5].map((semitones) => (
              <option key={semitones} value={String(semitones)}>
                {signed(semitones)} semitones
              </option>
            ))}
          </select>
        </label>
        <Level name="Voice" low={-12} high={12} value={draft.vocal_level_db ?? 0} put={(vocal_level_db) => put({ vocal_level_db }, "")} />
        <Level name="Instruments under the voice" low={-12} high={0} value={draft.ducking_db ?? -3.5} put={(ducking_db) => put({ ducking_db }, "")} />
        <label class="check">
          <input type="checkbox" checked={draft.both_voices ?? false} onChange={(event) => put({ both_voices: event.currentTarget.checked }, "")} />
          Both voices may sing at once
        </label>
      </div>
    </section>
  );
}

interface LevelProps {
  name: string;
  low: number;
  high: number;
  value: number;
  put: (db: number) => void;
}

const Level = ({ name, low, high, value, put }: LevelProps) => (
  <label class="level-field">
    <span>
      {name} <output class="read" aria-live="off">{signed(value)} dB</output>
    </span>
    <input type="range" min={low} max={high} step={0.5} value={value} aria-valuetext={`${value} decibels`} onInput={(event) => put(Number(event.currentTarget.value))} />
  </label>
);

import type { Clause, Cue, Label, PlanSection, RemixPlan, SongId, SongStem, StemUse, Transition } from "./client/api";
import type { Material, Materials } from "./material";

export const LABELS: Label[] = ["intro", "verse", "chorus", "build", "main", "breakdown", "drop", "bridge", "outro"];
export const SONGS: SongId[] = ["song_a", "song_b"];
export const TRANSITIONS: Transition[] = ["fade", "crossfade", "cut"];
/** The renderer's limits: a section, the whole unless a length is asked for, and then. */
export const SHORTEST_BEATS = 4;
export const USUAL_S = [30, 180] as const;
export const POSSIBLE_S = [5, 900] as const;
const CALM_BEATS = 4;
const NEW_BARS = 8;

/** Which stretch of the rendered remix a section still is, in its beats: it starts at `at`, inside `from` to `to`. */
export interface Was {
  index: number;
  at: number;
  from: number;
  to: number;
}

/** A section while it is being edited. */
export interface Clip extends PlanSection {
  was?: Was;
}

/** A plan while it is being edited; its sections remember what they were. */
export interface Draft extends Omit<RemixPlan, "sections"> {
  sections: Clip[];
}

export const begin = (plan: RemixPlan): Draft => ({
  ...plan,
  sections: plan.sections.map((one, index) => ({ ...one, was: { index, at: one.start_beat, from: one.start_beat, to: one.end_beat } })),
});

const bare = ({ was: _, ...section }: Clip): PlanSection => section;
export const plain = (draft: Draft): RemixPlan => ({ ...draft, sections: draft.sections.map(bare) });
export const beatsOf = (plan: Draft | RemixPlan): number => plan.sections[plan.sections.length - 1]?.end_beat ?? 0;
export const lengthOf = (section: PlanSection): number => section.end_beat - section.start_beat;
export const stemsOf = (plan: Draft | RemixPlan): SongStem[] => Object.keys(plan.sections[0]?.stems ?? {}) as SongStem[];
export const longestTransition = (beats: number): number => Math.floor(beats / 2);
export const meterOf = (plan: Draft | RemixPlan, songs: Materials): number => songs[plan.vocal_source === "song_a" ? "song_b" : "song_a"].bar;

/** Whether an output stem such as "a_vocals" sounds in a section. */
export function use(section: PlanSection, output: string): StemUse | null {
  const [, side, stem] = /^([ab])_(.+)$/.exec(output) ?? [];
  const found = section.stems[stem as SongStem];
  if (!found || found.gain <= 0) return null;
  return found.song === "both" || found.song === `song_${side}` ? found : null;
}

/** Names of all stems that a plan lets sound, as they will be delivered. */
export function outputsOf(plan: Draft | RemixPlan): string[] {
  const named = stemsOf(plan).flatMap((stem) => [`a_${stem}`, `b_${stem}`]);
  return named.filter((name) => plan.sections.some((section) => use(section, name))).sort();
}

export const sounds = (section: PlanSection, song: SongId): boolean =>
  Object.values(section.stems).some((one) => one.gain > 0 && (one.song === "both" || one.song === song));

// ── playheads ────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a section takes from a song, in beats of the song; once round where it loops. */
export interface Read {
  start: number;
  end: number;
  loop: number | null;
}

/** Follow a song's playhead through the sections; the same law as the renderer's. */
export function reads(plan: Draft | RemixPlan, song: Material): Read[] {
  let position = firstBeat(plan, song);
  return plan.sections.map((section) => {
    const cue = section.cues?.[song.song];
    const start = cue ? cue.source_beat : position;
    const loop = cue?.loop_beats ?? null;
    const needed = lengthOf(section) * song.rate;
    const end = start + (loop ? Math.min(loop, needed) : needed);
    position = loop ? start + loop : end;
    return { start, end, loop };
  });
}

/** Where a song's playhead stands when the remix begins: the bar line nearest to its window's start. */
function firstBeat(plan: Draft | RemixPlan, song: Material): number {
  const window = song.song === plan.vocal_source ? plan.vocal_window : plan.instrumental_window;
  const beat = Math.round(song.beatAt(window.start_s) / song.bar) * song.bar;
  return song.secondsAt(beat) >= -1e-6 ? beat : beat + song.bar;
}

// ── form ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function laid(clips: Clip[]): Clip[] {
  let beat = 0;
  return clips.map((clip) => {
    const start_beat = beat;
    beat += lengthOf(clip);
    return { ...clip, start_beat, end_beat: beat };
  });
}

/** Change the form and let every section go on playing what it played: jumps are put in where they are needed. */
function rearranged(draft: Draft, songs: Materials, change: (clips: Clip[]) => Clip[]): Draft {
  const pinned = SONGS.reduce((plan, song) => pin(plan, songs[song]), draft);
  const next = { ...draft, sections: laid(change(pinned.sections)) };
  return SONGS.reduce((plan, song) => loosen(plan, songs[song]), next);
}

const withCue = (clip: Clip, song: SongId, cue: Cue | null): Clip => {
  const { [song]: _, ...others } = clip.cues ?? {};
  return { ...clip, cues: cue ? { ...others, [song]: cue } : others };
};

function pin(plan: Draft, song: Material): Draft {
  const found = reads(plan, song);
  const pinned = plan.sections.map((clip, i) =>
    clip.cues?.[song.song] || !sounds(clip, song.song) ? clip : withCue(clip, song.song, { source_beat: Math.round(found[i]?.start ?? 0), loop_beats: null }),
  );
  return { ...plan, sections: pinned };
}

/** Take jumps out that lead to where the playhead is anyway. */
function loosen(plan: Draft, song: Material): Draft {
  let sections = plan.sections;
  sections.forEach((clip, i) => {
    const cue = clip.cues?.[song.song];
    if (!cue || cue.loop_beats) return;
    const without = sections.map((one, j) => (i === j ? withCue(one, song.song, null) : one));
    const there = reads({ ...plan, sections: without }, song)[i]?.start ?? NaN;
    if (Math.abs(there - cue.source_beat) <= 0.5) sections = without;
  });
  return { ...plan, sections };
}

export const moveSection = (draft: Draft, songs: Materials, from: number, to: number): Draft =>
  rearranged(draft, songs, (clips) => {
    const moved = clips[from];
    if (!moved) return clips;
    const rest = clips.filter((_, i) => i !== from);
    return [...rest.slice(0, to), moved, ...rest.slice(to)];
  });

export const duplicateSection = (draft: Draft, songs: Materials, at: number): Draft =>
  rearranged(draft, songs, (clips) => clips.flatMap((clip, i) => (i === at ? [clip, { ...clip }] : [clip])));

export const removeSection = (draft: Draft, songs: Materials, at: number): Draft =>
  draft.sections.length < 2 ? draft : rearranged(draft, songs, (clips) => clips.filter((_, i) => i !== at));

/** A new section behind another one: the same stems, and both songs go on. */
export function insertSection(draft: Draft, songs: Materials, after: number): Draft {
  const bar = meterOf(draft, songs);
  return rearranged(draft, songs, (clips) =>
    clips.flatMap((clip, i) => {
      if (i !== after) return [clip];
      const beats = Math.min(NEW_BARS * bar, Math.max(Math.ceil(SHORTEST_BEATS / bar) * bar, Math.floor(lengthOf(clip) / bar) * bar));
      const fresh: Clip = { ...bare(clip), label: "bridge", cues: {}, transition_in: "crossfade", transition_beats: Math.min(CALM_BEATS, longestTransition(beats)) };
      return [clip, { ...fresh, end_beat: fresh.start_beat + beats }];
    }),
  );
}

/** Where a section can be cut in two: the bar line nearest to a beat; null where it is too short. */
export function splitBeat(draft: Draft, songs: Materials, at: number, near: number): number | null {
  const clip = draft.sections[at];
  const bar = meterOf(draft, songs);
  const least = Math.ceil(SHORTEST_BEATS / bar) * bar;
  if (!clip || lengthOf(clip) < 2 * least) return null;
  const wanted = clip.start_beat + Math.round((near - clip.start_beat) / bar) * bar;
  return Math.min(Math.max(wanted, clip.start_beat + least), clip.end_beat - least);
}

/** Cut a section in two; nothing is heard of it until one of the two is changed. */
export function splitSection(draft: Draft, songs: Materials, at: number, near: number): Draft {
  const beat = splitBeat(draft, songs, at, near);
  if (beat === null) return draft;
  const found = SONGS.map((song) => [song, reads(draft, songs[song])[at], songs[song].rate] as const);
  return rearranged(draft, songs, (clips) =>
    clips.flatMap((clip, i) => {
      if (i !== at) return [clip];
      const offset = beat - clip.start_beat;
      const cues = Object.fromEntries(
        found.filter(([song]) => sounds(clip, song)).map(([song, read, rate]) => [song, later(read as Read, offset * rate, lengthOf(clip) * rate)]),
      );
      const first = { ...clip, end_beat: beat, ...calmer(clip, offset) };
      const second = { ...clip, start_beat: beat, cues, transition_in: "crossfade" as const, ...(clip.was && { was: { ...clip.was, at: clip.was.at + offset } }) };
      return [first, { ...second, transition_beats: Math.min(CALM_BEATS, longestTransition(lengthOf(second))) }];
    }),
  );
}

/** The cue that goes on inside a passage; a phrase that loops starts again where the cut falls on its seam. */
function later({ start, loop }: Read, offset: number, needed: number): Cue {
  if (!loop) return { source_beat: Math.round(start + offset), loop_beats: null };
  const inside = offset % loop;
  const rest = needed - offset;
  const goesOn = inside > 0.5 && rest <= loop - inside;
  return { source_beat: Math.round(start + inside), loop_beats: goesOn ? null : loop };
}

/** Make a section longer or shorter; what follows moves, and stays what it is. */
export function resizeSection(draft: Draft, songs: Materials, at: number, beats: number): Draft {
  const bar = meterOf(draft, songs);
  const snapped = Math.max(Math.round(beats / bar), Math.ceil(SHORTEST_BEATS / bar)) * bar;
  return rearranged(draft, songs, (clips) =>
    clips.map((clip, i) => (i === at ? { ...clip, end_beat: clip.start_beat + snapped, ...calmer(clip, snapped) } : clip)),
  );
}

const replaced = (plan: Draft, at: number, values: Partial<Clip>): Draft => ({
  ...plan,
  sections: plan.sections.map((section, i) => (i === at ? { ...section, ...values } : section)),
});

/** Move the border after a section to a beat; it snaps to bars, and every section keeps one. */
export function moveBorder(plan: Draft, after: number, beat: number, meter: number): Draft {
  const before = plan.sections[after];
  const next = plan.sections[after + 1];
  if (!before) return plan;
  const least = Math.ceil(SHORTEST_BEATS / meter) * meter;
  const lowest = before.start_beat + least;
  const highest = next ? next.end_beat - least : Number.MAX_SAFE_INTEGER;
  const snapped = Math.min(Math.max(Math.round(beat / meter) * meter, lowest), highest);
  const shorter = replaced(plan, after, { end_beat: snapped, ...calmer(before, snapped - before.start_beat) });
  if (!next) return shorter;
  // what jumps at its start moves with the border; what only goes on stays where it is in time
  const jumps = SONGS.some((song) => next.cues?.[song] && sounds(next, song));
  const was = next.was && !jumps ? { ...next.was, at: next.was.at + snapped - next.start_beat } : next.was;
  return replaced(shorter, after + 1, { start_beat: snapped, ...calmer(next, next.end_beat - snapped), ...(was && { was }) });
}

/** A transition takes at most half of its section. */
const calmer = (section: PlanSection, beats: number): Partial<Clip> => ({
  transition_beats: Math.min(section.transition_beats ?? CALM_BEATS, longestTransition(beats)),
});

// ── one section ──────────────────────────────────────────────────────────────────────────────────────────────────

export const setStem = (plan: Draft, at: number, stem: SongStem, values: Partial<StemUse>): Draft => {
  const section = plan.sections[at];
  const found = section?.stems[stem];
  return section && found ? replaced(plan, at, { stems: { ...section.stems, [stem]: { ...found, ...values } } }) : plan;
};

export const setLabel = (plan: Draft, at: number, label: Label): Draft => replaced(plan, at, { label });

export function setTransition(plan: Draft, at: number, kind: Transition, beats?: number): Draft {
  const section = plan.sections[at];
  if (!section) return plan;
  const wanted = beats ?? (section.transition_beats || CALM_BEATS);
  const most = kind === "cut" ? 0 : longestTransition(lengthOf(section));
  return replaced(plan, at, { transition_in: kind, transition_beats: Math.min(wanted, most) });
}

/** Say where a song is read in a section, or let it go on; the sections behind it keep what they play. */
export function setCue(plan: Draft, songs: Materials, at: number, song: SongId, cue: Cue | null): Draft {
  const { low, high } = songs[song];
  const loop = cue?.loop_beats ? Math.min(cue.loop_beats, high - low) : null;
  const inside = cue && { source_beat: Math.max(low, Math.min(high - (loop ?? 1), cue.source_beat)), loop_beats: loop };
  const chosen = rearranged(plan, songs, (clips) => clips.map((clip, i) => (i === at ? withCue(clip, song, inside) : clip)));
  return inside ? replaced(chosen, at, { cues: { ...chosen.sections[at]?.cues, [song]: inside } }) : chosen;
}

/** Where a song would be read in a section without a cue. */
export function naturalStart(plan: Draft, song: Material, at: number): number {
  const without = plan.sections.map((clip, i) => (i === at ? withCue(clip, song.song, null) : clip));
  return reads({ ...plan, sections: without }, song)[at]?.start ?? 0;
}

// ── what is heard of it already ──────────────────────────────────────────────────────────────────────────────────

/** A stretch of the rendered remix where the edited one has it, in beats, and how much louder. */
export interface Piece {
  from: number;
  to: number;
  at: number;
  gain: number;
}

/** A song's playheads in the rendered and in the edited plan. */
export interface Reading {
  now: Read[];
  then: Read[];
  rate: number;
}

export const readingOf = (draft: Draft, before: RemixPlan, song: Material): Reading => ({
  now: reads(draft, song),
  then: reads(before, song),
  rate: song.rate,
});

/** Whether a section plays another stretch of a song than it did when it was rendered. */
export function isMoved(clip: Clip, at: number, before: RemixPlan, { now, then, rate }: Reading): boolean {
  const [one, two, section] = [then[clip.was?.index ?? -1], now[at], before.sections[clip.was?.index ?? -1]];
  if (!clip.was || !one || !two || !section) return true;
  const offset = one.loop ? 0 : (clip.was.at - section.start_beat) * rate;
  return one.loop !== two.loop || Math.abs(two.start - one.start - offset) > 0.6;
}

/** What of a rendered track can be heard and drawn in the edited plan: a stem's, or the whole's for null. */
export function pieces(draft: Draft, before: RemixPlan, songs: Materials | null, output: string | null): Piece[] {
  const song: SongId | null = output ? (output.startsWith("a_") ? "song_a" : "song_b") : null;
  const reading = songs && song && readingOf(draft, before, songs[song]);
  const found: Piece[] = [];
  draft.sections.forEach((clip, i) => {
    const then = clip.was && before.sections[clip.was.index];
    if (!clip.was || !then) return;
    const gain = output ? gainOf(clip, then, output) : 1;
    if (gain === null || (gain > 0 && reading && isMoved(clip, i, before, reading))) return;
    const from = Math.max(clip.was.at, clip.was.from);
    const to = Math.min(clip.was.at + lengthOf(clip), clip.was.to);
    if (to > from) found.push({ from, to, at: clip.start_beat + from - clip.was.at, gain });
  });
  return joined(found);
}

function gainOf(now: PlanSection, then: PlanSection, output: string): number | null {
  const [one, two] = [use(then, output), use(now, output)];
  if (!two) return 0;
  return one ? two.gain / one.gain : null;
}

function joined(found: Piece[]): Piece[] {
  return found.reduce<Piece[]>((all, one) => {
    const last = all[all.length - 1];
    const goesOn = last && last.to === one.from && last.at + last.to - last.from === one.at && last.gain === one.gain;
    return goesOn ? [...all.slice(0, -1), { ...last, to: one.to }] : [...all, one];
  }, []);
}

// ── wishes ───────────────────────────────────────────────────────────────────────────────────────────────────────

const BY_HAND = "Since then it was changed by hand.";
const LENGTHS = ["length_at_least_s", "length_at_most_s"];

function contradicts(plan: Draft | RemixPlan, clause: Clause, seconds: number): boolean {
  const chosen = plan.sections.filter((one) => !clause.section || one.label === clause.section);
  const used = chosen.map((one) => one.stems[(clause.kind === "vocals_from" ? "vocals" : clause.stem) as SongStem]);
  const loud = used.filter((one): one is StemUse => Boolean(one && one.gain > 0));
  const [first, last] = [plan.sections[0], plan.sections[plan.sections.length - 1]];
  const mean = loud.reduce((sum, one) => sum + one.gain, 0) / (loud.length || 1);
  switch (clause.kind) {
    case "without":
      return loud.length > 0;
    case "only":
      return chosen.some((one) => Object.entries(one.stems).some(([stem, found]) => stem !== clause.stem && found.gain > 0)) || !loud.length;
    case "vocals_from":
    case "stem_from":
      return !loud.length || loud.some((one) => one.song !== clause.song);
    case "present":
      return !loud.some((one) => !clause.song || one.song === "both" || one.song === clause.song);
    case "louder":
      return mean <= (clause.value ?? 0);
    case "quieter":
      return mean >= (clause.value ?? 1);
    case "has_section":
      return !chosen.length;
    case "starts_with":
      return Boolean(clause.section) && first?.label !== clause.section;
    case "ends_with":
      return Boolean(clause.section) && last?.label !== clause.section;
    case "length_at_least_s":
      return seconds < (clause.value ?? 0);
    case "length_at_most_s":
      return seconds > (clause.value ?? Infinity);
    default:
      return false;
  }
}

/** The plan as it is sent: wishes of the sentence that were edited away are asked for no longer, the length is. */
export function settled(draft: Draft, before: RemixPlan, bpm: number): { plan: RemixPlan; dropped: string[] } {
  const [now, then] = [(beatsOf(draft) * 60) / bpm, (beatsOf(before) * 60) / bpm];
  const gone = (draft.clauses ?? []).filter((clause) => contradicts(draft, clause, now) && !contradicts(before, clause, then));
  const kept = (draft.clauses ?? []).filter((clause) => !gone.includes(clause));
  const unusual = (now < USUAL_S[0] || now > USUAL_S[1]) && !kept.some((clause) => LENGTHS.includes(clause.kind));
  const asked: Clause[] = unusual ? [{ kind: "length_at_least_s", text: "the length set by hand", value: Math.floor(now) }] : [];
  const explanation = draft.explanation.includes(BY_HAND) ? draft.explanation : `${draft.explanation} ${BY_HAND}`;
  return { plan: { ...plain(draft), explanation, clauses: [...kept, ...asked] }, dropped: [...new Set(gone.map(wish))] };
}

function wish({ kind, stem, song, text }: Clause): string {
  const whose = song === "song_a" ? "song A" : "song B";
  if (kind === "stem_from") return `${stem} from ${whose} only (“${text}”)`;
  return kind === "vocals_from" ? `the voice of ${whose} only (“${text}”)` : `“${text}”`;
}

/** Why a plan can't be rendered as it is; empty where it can. */
export function obstacle(draft: Draft, bpm: number): string {
  const seconds = (beatsOf(draft) * 60) / bpm;
  if (seconds < POSSIBLE_S[0]) return `A remix lasts at least ${POSSIBLE_S[0]} seconds.`;
  if (seconds > POSSIBLE_S[1]) return `A remix lasts at most ${POSSIBLE_S[1] / 60} minutes.`;
  if (draft.sections.length < 2) return "A remix has at least two sections: split this one.";
  if (!draft.sections.some((one) => SONGS.some((song) => sounds(one, song)))) return "Nothing sounds in this plan.";
  return "";
}

import type { KeySource, PlanSection, RemixPlan, SongId, SongStem, TempoSource } from "./client/api";
import { partAt, partName, type Materials } from "./material";
import { beatsOf, isMoved, lengthOf, readingOf, SONGS, sounds, type Clip, type Draft, type Reading } from "./plan";
import { clock, plural } from "./words";

const SAME = { song_a: "song A", song_b: "song B", both: "both songs" };
const ORDER = ["first", "second", "third", "fourth", "fifth", "sixth"];
const ONE: SongStem[] = ["bass"];

export const songName = (song: SongId): string => SAME[song];
export const stemWords = (stem: SongStem): string => (stem === "other" ? "other instruments" : stem);

/** What a section is called: by its label, and which one where there are several. */
export function called(plan: Draft | RemixPlan, at: number): string {
  const label = plan.sections[at]?.label ?? "section";
  const alike = plan.sections.flatMap((one, i) => (one.label === label ? [i] : []));
  const which = alike.indexOf(at);
  if (alike.length < 2) return label;
  return ORDER[which] ? `${ORDER[which]} ${label}` : `${label} ${which + 1}`;
}

export function bars(beats: number, meter: number): string {
  const whole = Math.floor(beats / meter);
  const rest = beats - whole * meter;
  if (!rest) return plural(whole, "bar");
  return whole ? `${plural(whole, "bar")} and ${plural(rest, "beat")}` : plural(rest, "beat");
}

/** Both plans, and what has to be known to tell their difference. */
interface Pair {
  before: RemixPlan;
  draft: Draft;
  meter: number;
  songs: Materials | null;
  readings: Partial<Record<SongId, Reading>>;
}

/** Say in words how an edited plan differs from the rendered one: form first, then section by section. */
export function changes(before: RemixPlan, draft: Draft, songs: Materials | null, meter: number, bpm: number): string[] {
  const readings = songs ? Object.fromEntries(SONGS.map((song) => [song, readingOf(draft, before, songs[song])])) : {};
  const pair: Pair = { before, draft, meter, songs, readings };
  const said = [...form(pair), ...draft.sections.flatMap((_, i) => inside(pair, i)), ...whole(before, draft)];
  const [was, is] = [before, draft].map((plan) => clock((beatsOf(plan) * 60) / bpm));
  if (beatsOf(before) !== beatsOf(draft)) said.push(`The remix lasts ${is} instead of ${was}.`);
  return said;
}

function form(pair: Pair): string[] {
  const { before, draft } = pair;
  const kept = draft.sections.map((clip) => clip.was?.index ?? -1);
  const inOrder = longestRun(kept.filter((index, i) => index >= 0 && kept.indexOf(index) === i));
  const gone = before.sections.flatMap((_, i) => (kept.includes(i) ? [] : [`The ${called(before, i)} is taken out.`]));
  return [...gone, ...draft.sections.flatMap((clip, i) => place(pair, clip, i, kept, inOrder))];
}

function place(pair: Pair, clip: Clip, at: number, kept: number[], inOrder: number[]): string[] {
  const { draft, before, meter } = pair;
  const where = at ? `after the ${called(draft, at - 1)}` : "at the start";
  if (!clip.was) return [`A new ${clip.label} of ${bars(lengthOf(clip), meter)} comes ${where}.`];
  const name = called(before, clip.was.index);
  if (continues(draft, at)) return [`The ${name} is split at bar ${clip.start_beat / meter + 1}.`];
  if (kept.indexOf(clip.was.index) < at) return [`The ${name} comes again ${where}.`];
  const moved = inOrder.includes(clip.was.index) ? [] : [`The ${name} comes ${where}.`];
  return [...moved, ...longer(pair, clip, at)];
}

/** Whether a section is the second half of the one before it, that was split. */
function continues({ sections }: Draft, at: number): boolean {
  const [one, two] = [sections[at - 1], sections[at]];
  return Boolean(one?.was && two?.was && one.was.index === two.was.index && one.was.at + lengthOf(one) === two.was.at);
}

/** The most sections that kept their order: the others are those that were moved. */
function longestRun(order: number[]): number[] {
  const best: number[][] = [];
  order.forEach((index, i) => {
    const runs = best.filter((_, j) => (order[j] ?? 0) < index);
    best[i] = [...runs.reduce<number[]>((most, run) => (run.length > most.length ? run : most), []), index];
  });
  return best.reduce((most, run) => (run.length > most.length ? run : most), []);
}

/** What was split is as long as its parts together. */
function longer({ before, draft, meter }: Pair, clip: Clip, at: number): string[] {
  const then = before.sections[clip.was?.index ?? -1];
  let beats = lengthOf(clip);
  for (let i = at + 1; continues(draft, i); i += 1) beats += lengthOf(draft.sections[i] as Clip);
  if (!then || beats === lengthOf(then)) return [];
  return [`The ${called(draft, at)} lasts ${bars(beats, meter)} instead of ${bars(lengthOf(then), meter)}.`];
}

/** What is other inside a section. */
function inside(pair: Pair, at: number): string[] {
  const { draft, before } = pair;
  const now = draft.sections[at] as Clip;
  const then = now.was && before.sections[now.was.index];
  if (!then) return [];
  const name = called(draft, at);
  const said = now.label === then.label ? [] : [`The ${called(before, now.was?.index ?? 0)} is called ${now.label}.`];
  for (const stem of Object.keys(now.stems) as SongStem[]) said.push(...stemChanges(then, now, stem, name));
  if (!continues(draft, at)) said.push(...entry(then, now, name));
  return [...said, ...SONGS.flatMap((song) => material(pair, now, song, at))];
}

function stemChanges(then: PlanSection, now: PlanSection, stem: SongStem, name: string): string[] {
  const [one, two] = [then.stems[stem], now.stems[stem]];
  if (!one || !two) return [];
  const said: string[] = [];
  const verb = (single: string, many: string): string => (ONE.includes(stem) ? single : many);
  if (one.song !== two.song && two.gain > 0) said.push(`In the ${name}, ${stemWords(stem)} ${verb("comes", "come")} from ${SAME[two.song]}.`);
  if (one.gain !== two.gain) {
    const level = two.gain > 0 ? `${verb("plays", "play")} at ${Math.round(two.gain * 100)} %` : `${verb("is", "are")} silent`;
    said.push(`In the ${name}, ${stemWords(stem)} ${level}.`);
  }
  return said;
}

function entry(then: PlanSection, now: PlanSection, name: string): string[] {
  const [one, two] = [then, now].map(({ transition_in: kind = "crossfade", transition_beats: beats = 4 }) => `${kind}${beats && kind !== "cut" ? ` over ${plural(beats, "beat")}` : ""}`);
  return one === two ? [] : [`The ${name} comes in with a ${two}.`];
}

function material({ before, draft, songs, readings }: Pair, clip: Clip, song: SongId, at: number): string[] {
  const [reading, found] = [readings[song], songs?.[song]];
  const now = reading?.now[at];
  if (!reading || !found || !now || !sounds(clip, song) || !isMoved(clip, at, before, reading)) return [];
  const part = partAt(found, now.start);
  const from = `${clock(found.secondsAt(now.start))}${part ? ` (${partName(part)})` : ""}`;
  return [`In the ${called(draft, at)}, ${SAME[song]} ${now.loop ? `repeats ${plural(now.loop, "beat")} from` : "plays from"} ${from}.`];
}

const TEMPO: Record<TempoSource, string> = { song_a: "that of song A", song_b: "that of song B", average: "in between", target: "" };
const KEY: Record<KeySource, string> = { song_a: "that of song A", song_b: "that of song B", none: "each song's own", target: "" };
const tempo = (plan: Draft | RemixPlan): string => (plan.tempo_source === "target" ? `${plan.target_bpm} bpm` : TEMPO[plan.tempo_source]);
const key = (plan: Draft | RemixPlan): string => (plan.key_source === "target" ? String(plan.target_key) : KEY[plan.key_source]);
const signed = (value: number): string => (value > 0 ? `+${value}` : `${value}`.replace("-", "−"));

function whole(before: RemixPlan, now: Draft): string[] {
  const said: string[] = [];
  if (tempo(before) !== tempo(now)) said.push(`The tempo is ${tempo(now)} instead of ${tempo(before)}.`);
  if (key(before) !== key(now)) said.push(`The key is ${key(now)} instead of ${key(before)}.`);
  const [up, was] = [now.transpose_semitones ?? 0, before.transpose_semitones ?? 0];
  if (up !== was) said.push(`Everything is moved by ${signed(up)} semitones instead of ${signed(was)}.`);
  const louder = (now.vocal_level_db ?? 0) - (before.vocal_level_db ?? 0);
  if (louder) said.push(`The voice is ${Math.abs(louder)} dB ${louder > 0 ? "louder" : "quieter"}.`);
  const [deep, wasDeep] = [-(now.ducking_db ?? 0), -(before.ducking_db ?? 0)];
  if (deep !== wasDeep) said.push(`Under the voice the instruments step back by ${deep} dB instead of ${wasDeep} dB.`);
  if (now.both_voices !== before.both_voices) said.push(now.both_voices ? "Both voices may sing at once." : "One voice sings at a time.");
  return said;
}

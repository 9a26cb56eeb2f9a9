import type { Label, PlanSection, RemixPlan, SongStem, StemUse } from "./client/api";

export const LABELS: Label[] = ["intro", "verse", "chorus", "build", "main", "breakdown", "drop", "bridge", "outro"];
const SAME = { song_a: "A", song_b: "B", both: "A and B" };

export const beatsOf = (plan: RemixPlan): number => plan.sections[plan.sections.length - 1]?.end_beat ?? 0;
export const stemsOf = (plan: RemixPlan): SongStem[] => Object.keys(plan.sections[0]?.stems ?? {}) as SongStem[];

/** Whether an output stem such as "a_vocals" sounds in a section. */
export function use(section: PlanSection, output: string): StemUse | null {
  const [, side, stem] = /^([ab])_(.+)$/.exec(output) ?? [];
  const found = section.stems[stem as SongStem];
  if (!found || found.gain <= 0) return null;
  return found.song === "both" || found.song === `song_${side}` ? found : null;
}

const replaced = (plan: RemixPlan, at: number, values: Partial<PlanSection>): RemixPlan => ({
  ...plan,
  sections: plan.sections.map((section, i) => (i === at ? { ...section, ...values } : section)),
});

/** Move the border after a section to a beat; it snaps to bars, and every section keeps a bar. */
export function moveBorder(plan: RemixPlan, after: number, beat: number, meter: number): RemixPlan {
  const before = plan.sections[after];
  const next = plan.sections[after + 1];
  if (!before) return plan;
  const lowest = before.start_beat + meter;
  const highest = next ? next.end_beat - meter : Number.MAX_SAFE_INTEGER;
  const snapped = Math.min(Math.max(Math.round(beat / meter) * meter, lowest), highest);
  const shorter = replaced(plan, after, { end_beat: snapped, ...calmer(before, snapped - before.start_beat) });
  if (!next) return shorter;
  return replaced(shorter, after + 1, { start_beat: snapped, ...calmer(next, next.end_beat - snapped) });
}

/** A transition can't be longer than its section. */
const calmer = (section: PlanSection, beats: number): Partial<PlanSection> => ({
  transition_beats: Math.min(section.transition_beats ?? 0, beats),
});

export const setStem = (plan: RemixPlan, at: number, stem: SongStem, values: Partial<StemUse>): RemixPlan => {
  const section = plan.sections[at];
  const found = section?.stems[stem];
  return section && found ? replaced(plan, at, { stems: { ...section.stems, [stem]: { ...found, ...values } } }) : plan;
};

export const setLabel = (plan: RemixPlan, at: number, label: Label): RemixPlan => replaced(plan, at, { label });

/** Say in words how one plan differs from another of the same form. */
export function changes(before: RemixPlan, after: RemixPlan): string[] {
  return after.sections.flatMap((now, i) => {
    const then = before.sections[i];
    if (!then) return [`A ${now.label} is new.`];
    const said: string[] = [];
    if (now.label !== then.label) said.push(`The ${then.label} is called ${now.label}.`);
    if (now.end_beat !== then.end_beat) said.push(`The ${now.label} ends at beat ${now.end_beat} instead of ${then.end_beat}.`);
    for (const stem of Object.keys(now.stems) as SongStem[]) said.push(...stemChanges(now, then, stem));
    return said;
  });
}

function stemChanges(now: PlanSection, then: PlanSection, stem: SongStem): string[] {
  const [one, two] = [then.stems[stem], now.stems[stem]];
  if (!one || !two) return [];
  const said: string[] = [];
  if (one.song !== two.song) said.push(`In the ${now.label}, ${stem} come from ${SAME[two.song]}.`);
  if (one.gain !== two.gain) {
    said.push(two.gain <= 0 ? `In the ${now.label}, ${stem} are silent.` : `In the ${now.label}, ${stem} play at ${Math.round(two.gain * 100)} %.`);
  }
  return said;
}

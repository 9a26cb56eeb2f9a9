// The page's own logic of plans and specs, driven from Python: JSON in, JSON out.
import { changes } from "../../web/src/changes";
import { materials } from "../../web/src/material";
import * as plan from "../../web/src/plan";
import * as spec from "../../web/src/spec-text";

declare const process: { stdin: AsyncIterable<Uint8Array>; stdout: { write: (text: string) => void } };

interface Case {
  record: Record<string, unknown>;
  plan: Parameters<typeof plan.begin>[0];
  bpm: number;
  steps: Array<[name: string, ...values: number[]]>;
}

function run({ record, plan: before, bpm, steps }: Case): unknown {
  const songs = materials(record);
  if (!songs) throw new Error("no songs");
  const meter = plan.meterOf(before, songs);
  let draft = plan.begin(before);
  const after = steps.map(([name, at = 0, one = 0, two = 0]) => {
    const gained = draft.sections[at];
    if (name === "move") draft = plan.moveSection(draft, songs, at, one);
    if (name === "duplicate") draft = plan.duplicateSection(draft, songs, at);
    if (name === "remove") draft = plan.removeSection(draft, songs, at);
    if (name === "insert") draft = plan.insertSection(draft, songs, at);
    if (name === "split") draft = plan.splitSection(draft, songs, at, (gained?.start_beat ?? 0) + one);
    if (name === "resize") draft = plan.resizeSection(draft, songs, at, one);
    if (name === "border") draft = plan.moveBorder(draft, at, (gained?.end_beat ?? 0) + one, meter);
    if (name === "gain") draft = plan.setStem(draft, at, "drums", { gain: one });
    if (name === "source") draft = plan.setStem(draft, at, "bass", { song: one ? "song_a" : "song_b" });
    if (name === "transition") draft = plan.setTransition(draft, at, plan.TRANSITIONS[one] ?? "cut", two);
    if (name === "cue") draft = plan.setCue(draft, songs, at, "song_b", { source_beat: one, loop_beats: two || null });
    return {
      sections: draft.sections.map(({ label, start_beat, end_beat, was }) => ({ label, start_beat, end_beat, was })),
      reads: Object.fromEntries(plan.SONGS.map((song) => [song, plan.reads(draft, songs[song])])),
    };
  });
  const { plan: sent, dropped } = plan.settled(draft, before, bpm);
  const told = changes(before, draft, songs, meter, bpm);
  return { after, sent, dropped, told, obstacle: plan.obstacle(draft, bpm), pieces: plan.pieces(draft, before, songs, null) };
}

/** Call a function on the text of a spec. */
function onSpec([name, text, ...values]: [keyof typeof spec, string, ...unknown[]]): unknown {
  return (spec[name] as (...all: unknown[]) => unknown)(text, ...values);
}

const read: Uint8Array[] = [];
for await (const part of process.stdin) read.push(part);
const asked = JSON.parse(new TextDecoder().decode(await new Blob(read as BlobPart[]).arrayBuffer())) as { cases: Case[]; specs: Parameters<typeof onSpec>[0][] };
process.stdout.write(JSON.stringify({ cases: asked.cases.map(run), specs: asked.specs.map(onSpec) }));

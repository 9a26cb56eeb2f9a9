import { useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Splice } from "../audio/splice";
import { bars, changes } from "../changes";
import { api, type RemixPlan, type StatusAnswer, type Waveform } from "../client/api";
import { Edits } from "../edits";
import { materials, type Materials } from "../material";
import type { Shown } from "../parts/axis";
import { Notice } from "../parts/checks";
import { Icon } from "../parts/icons";
import { Inspector } from "../parts/inspector";
import { onKeys } from "../parts/keys";
import { Player, type Take } from "../parts/player";
import { Downloads, ReportPanel } from "../parts/report";
import { FixedSections, PlanSections } from "../parts/sections";
import { shortName, Timeline, type Block } from "../parts/timeline";
import { Transport } from "../parts/transport";
import { Refine, Versions } from "../parts/versions";
import { Whole } from "../parts/whole";
import { beatsOf, meterOf, obstacle, outputsOf, pieces, settled, use, type Draft } from "../plan";
import { readReport, type Named, type Report } from "../report";
import { go, sentence } from "../state";
import { clock } from "../words";

export interface Loaded {
  plan: RemixPlan;
  report: Report;
  /** What both songs offer. */
  songs: Materials | null;
  master: Waveform;
  lanes: Map<string, Waveform>;
  before: { session: string; lufs: number } | null;
}

const COLUMNS = 1_200;

async function load(status: StatusAnswer): Promise<Loaded> {
  const session = status.session_id;
  const stems = (status.outputs ?? []).filter((name) => name.startsWith("stems/"));
  const [plan, record, master, ...lanes] = await Promise.all([
    api.plan(session),
    api.report(session),
    api.peaks(session, { columns: COLUMNS }),
    ...stems.map((name) => api.peaks(session, { name, columns: COLUMNS })),
  ]);
  return {
    plan,
    report: readReport(record),
    songs: materials(record),
    master,
    lanes: new Map(lanes.map((lane) => [lane.name, lane])),
    before: await earlier(status.parent ?? null, master),
  };
}

/** The version before, if it is there and as long as this one: only then both can be heard side by side. */
async function earlier(parent: string | null, master: Waveform): Promise<Loaded["before"]> {
  if (!parent) return null;
  try {
    const [wave, report] = await Promise.all([api.peaks(parent, { columns: 10 }), api.report(parent).then(readReport)]);
    return wave.sample_rate === master.sample_rate ? { session: parent, lufs: report.masterLufs } : null;
  } catch {
    return null;
  }
}

export function Result({ status }: { status: StatusAnswer }) {
  const loaded = useSignal<Loaded | null>(null);
  const trouble = useSignal("");
  useEffect(() => {
    load(status).then(
      (found) => (loaded.value = found),
      (error) => (trouble.value = sentence(error)),
    );
  }, [status.session_id]);
  if (trouble.value) return <Notice kind="bad" text={trouble.value} />;
  if (!loaded.value) return <p class="dim" role="status">Laying out the desk…</p>;
  return <Desk status={status} loaded={loaded.value} />;
}

/** Every take at the loudness of the mix: the louder one would seem better. */
function takesOf(status: StatusAnswer, { report, before }: Loaded): Take[] {
  const down = (lufs: number): number => Math.min(0, report.mixLufs - lufs);
  const takes: Take[] = [{ id: "desk", words: "Stems", track: null, gainDb: 0 }];
  const master = { name: "master", url: api.file(status.session_id, "master.wav") };
  takes.push({ id: "master", words: "Master", track: master, gainDb: down(report.masterLufs) });
  if (before) {
    const track = { name: "before", url: api.file(before.session, "master.wav") };
    takes.push({ id: "before", words: "Version before", track, gainDb: down(before.lufs) });
  }
  return takes;
}

function Desk({ status, loaded }: { status: StatusAnswer; loaded: Loaded }) {
  const { report, plan, songs } = loaded;
  const bpm = report.bpm;
  const beatS = 60 / bpm;
  const meter = songs ? meterOf(plan, songs) : report.meter;
  const section = useSignal<number | null>(null);
  const isWhole = useSignal(false);
  const edits = useMemo(() => new Edits(status.session_id, plan), [status.session_id]);
  const player = useMemo(() => {
    const stems = [...loaded.lanes.keys()].map((name) => ({ name, url: api.file(status.session_id, name) }));
    return new Player(stems, takesOf(status, loaded));
  }, [status.session_id]);
  useEffect(() => () => player.close(), [player]);
  const barS = meter * beatS;
  useEffect(() => onKeys(deskKeys(player, barS)), [player]);
  useEffect(() => undoKeys(edits), [edits]);
  useRearranged(player, edits, loaded, beatS);

  const draft = edits.draft.value;
  const isEdited = edits.isEdited;
  const seconds = Math.max(isEdited ? 0 : loaded.master.frames / loaded.master.sample_rate, beatsOf(draft) * beatS);
  const shown = (stem: string | null): Shown[] | null =>
    isEdited ? pieces(draft, plan, songs, stem).map(({ from, to, at, gain }) => ({ fromS: from * beatS, toS: to * beatS, atS: at * beatS, gain })) : null;
  const rendered = [...loaded.lanes.keys()].map(shortName);
  return (
    <article class="result">
      <div class="result-head">
        <h1>{status.title}</h1>
        <Verdict report={report} />
        <Versions status={status} />
      </div>
      <p class="explanation">
        {status.used_fallback && <span class="tag">Another planner than asked for</span>} {status.explanation}
      </p>
      {status.warnings.map((text) => (
        <Notice key={text} kind="warn" text={text} />
      ))}
      <div class="instrument" role="group" aria-label="Mixing desk">
        <Transport player={player} report={report} sections={sectionsOf(draft, beatS)} />
        <Timeline
          player={player}
          master={loaded.master}
          lanes={loaded.lanes}
          seconds={seconds}
          grids={[{ startS: 0, endS: seconds, barS }]}
          head={<PlanHead edits={edits} isWhole={isWhole} section={section} meter={meter} bpm={bpm} />}
          sections={
            songs ? (
              <PlanSections player={player} edits={edits} songs={songs} section={section} seconds={seconds} meter={meter} bpm={bpm} />
            ) : (
              <FixedSections named={sectionsOf(draft, beatS)} seconds={seconds} go={(at) => player.seekTo(at)} />
            )
          }
          blocksOf={(stem) => blocksOf(draft, songs, stem, beatS, section)}
          joinsOf={() => []}
          shownOf={shown}
          ghosts={outputsOf(draft).filter((stem) => !rendered.includes(stem))}
          below={
            <>
              {isWhole.value && <Whole edits={edits} bpm={bpm} close={() => (isWhole.value = false)} />}
              {songs && section.value !== null && <Inspector edits={edits} songs={songs} section={section} player={player} beatS={beatS} meter={meter} />}
            </>
          }
        />
        {player.desk.trouble.value && <Notice kind="bad" text={player.desk.trouble.value} />}
      </div>
      <Edited status={status} edits={edits} songs={songs} meter={meter} bpm={bpm} />
      <div class="columns">
        <Refine status={status} />
        <Downloads status={status} />
      </div>
      <ReportPanel status={status} report={report} />
    </article>
  );
}

/** How long the plan is, and the way back and forth through what was changed. */
function PlanHead({ edits, isWhole, section, meter, bpm }: { edits: Edits; isWhole: Signal<boolean>; section: Signal<number | null>; meter: number; bpm: number }) {
  const [now, then] = [beatsOf(edits.draft.value), beatsOf(edits.before)];
  const time = (beats: number): string => clock((beats * 60) / bpm);
  return (
    <>
      <span class="plan-length">
        <output class="read" aria-label="Length of the plan" aria-live="off">
          {bars(now, meter)}, {time(now)}
        </output>
        {now !== then && <span class="dim read"> was {time(then)}</span>}
      </span>
      <span class="plan-keys">
        <button type="button" class="key" aria-label="Undo" aria-keyshortcuts="Control+Z" disabled={!edits.past.value.length} onClick={() => edits.undo()}>
          <Icon name="undo" />
        </button>
        <button type="button" class="key" aria-label="Redo" aria-keyshortcuts="Control+Shift+Z" disabled={!edits.future.value.length} onClick={() => edits.redo()}>
          <Icon name="redo" />
        </button>
        <button
          type="button"
          class="key wide"
          aria-expanded={isWhole.value}
          onClick={() => {
            isWhole.value = !isWhole.value;
            section.value = null;
          }}
        >
          Whole remix
        </button>
      </span>
      <span class="sr" role="status">{edits.said.value}</span>
    </>
  );
}

const PREVIEW_MS = 150;

/** Let the desk play what of the edited plan is rendered already, and let a looped section keep its borders. */
function useRearranged(player: Player, edits: Edits, { plan, songs, lanes }: Loaded, beatS: number): void {
  useSignalEffect(() => {
    const draft = edits.draft.value;
    const looped = player.loopSection.value;
    if (!player.desk.ready.value) return undefined;
    const frame = (beat: number): number => Math.round(beat * beatS * player.desk.sampleRate);
    const timer = window.setTimeout(() => {
      const spliced = (stem: string | null): Splice[] =>
        pieces(draft, plan, songs, stem).map(({ from, to, at, gain }) => ({ from: frame(from), to: frame(to), at: frame(at), gain }));
      const stems = [...lanes.keys()].map((name) => spliced(shortName(name)));
      const takes = player.takes.filter((take) => take.track).map((take) => (take.id === "master" ? spliced(null) : null));
      player.desk.arrange(edits.isEdited ? [...stems, ...takes] : null, frame(beatsOf(draft)));
      const one = looped === null ? undefined : draft.sections[looped];
      player.desk.setLoop(one ? [frame(one.start_beat), frame(one.end_beat)] : null);
    }, PREVIEW_MS);
    return () => window.clearTimeout(timer);
  });
}

/** Where the plan lets a stem play, and what it plays there. */
function blocksOf(plan: Draft, songs: Materials | null, stem: string, beatS: number, section: Signal<number | null>): Block[] {
  const song = songs?.[stem.startsWith("a_") ? "song_a" : "song_b"];
  return plan.sections.flatMap((one, i) => {
    const used = use(one, stem);
    if (!used) return [];
    const kind = one.transition_in ?? "crossfade";
    const cue = song && one.cues?.[song.song];
    const before = plan.sections[i - 1];
    const note = cue ? `${cue.loop_beats ? "↻" : "→"} ${clock(song.secondsAt(cue.source_beat))}` : "";
    return [
      {
        startS: one.start_beat * beatS,
        endS: one.end_beat * beatS,
        gain: used.gain,
        chosen: section.value === i,
        riseS: kind === "cut" ? 0 : (one.transition_beats ?? 0) * beatS,
        before: kind === "fade" ? 0 : before ? (use(before, stem)?.gain ?? 0) : used.gain,
        note,
        choose: () => void (section.value = i),
      },
    ];
  });
}

/** Undo and redo as everywhere; who types undoes the typing. */
function undoKeys(edits: Edits): () => void {
  const hear = (event: KeyboardEvent): void => {
    const isTyping = event.target instanceof Element && event.target.closest("input:not([type=range]), textarea");
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) edits.redo();
    else edits.undo();
  };
  window.addEventListener("keydown", hear);
  return () => window.removeEventListener("keydown", hear);
}

export function deskKeys(player: Player, barS: number): Record<string, (event: KeyboardEvent) => void> {
  const strip = () => player.strips[player.selected.value];
  const step = (by: number) => {
    const count = player.strips.length;
    if (count) player.selected.value = (player.selected.value + by + count) % count;
  };
  const jump = (bars: number) => player.seekTo((Math.round(player.at.value / barS) + bars) * barS);
  return {
    " ": () => player.desk.toggle(),
    ArrowLeft: (event) => jump(event.shiftKey ? -4 : -1),
    ArrowRight: (event) => jump(event.shiftKey ? 4 : 1),
    ArrowUp: () => step(-1),
    ArrowDown: () => step(1),
    Home: () => player.seekTo(0),
    m: () => flip(strip()?.muted),
    s: () => flip(strip()?.soloed),
  };
}

const flip = (on: Signal<boolean> | undefined): void => {
  if (on) on.value = !on.value;
};

const sectionsOf = (plan: Draft, beatS: number): Named[] =>
  plan.sections.map((one) => ({ name: one.label, startS: one.start_beat * beatS, endS: one.end_beat * beatS }));

export const Verdict = ({ report }: { report: Report }) => (
  <p class={`verdict ${report.failed.length ? "warn" : "ok"}`}>
    <span class="lamp" aria-hidden="true" />
    {report.failed.length ? `${report.passed} checks passed, ${report.failed.length} did not` : `All ${report.passed} checks passed`}
  </p>
);

interface EditedProps {
  status: StatusAnswer;
  edits: Edits;
  songs: Materials | null;
  meter: number;
  bpm: number;
}

/** What will change, told before it is rendered, and the way to hear it. */
function Edited({ status, edits, songs, meter, bpm }: EditedProps) {
  const trouble = useSignal("");
  const sending = useSignal(false);
  if (!edits.isEdited) return null;
  const draft = edits.draft.value;
  const { plan, dropped } = settled(draft, edits.before, bpm);
  const said = [...changes(edits.before, draft, songs, meter, bpm), ...dropped.map((wish) => `No longer asked for: ${wish}.`)];
  const stop = obstacle(draft, bpm);
  async function render(): Promise<void> {
    sending.value = true;
    trouble.value = "";
    try {
      const { session_id } = await api.renderPlan(status.session_id, plan);
      edits.forget();
      go(`#/session/${session_id}`);
    } catch (error) {
      trouble.value = sentence(error);
    } finally {
      sending.value = false;
    }
  }
  return (
    <section class="edited panel" aria-label="What will change">
      <h2>What will change</h2>
      <ul tabIndex={0} aria-label="Changes">
        {said.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      {stop && <Notice kind="warn" text={stop} />}
      <div class="go">
        <button type="button" class="start" disabled={sending.value || Boolean(stop)} onClick={() => void render()}>
          Render the changes
        </button>
        <button type="button" onClick={() => edits.discard()}>
          Discard
        </button>
        <span class="dim hint">The desk plays the new order roughly; what is hatched comes with the rendering.</span>
      </div>
      {trouble.value && <Notice kind="bad" text={trouble.value} />}
    </section>
  );
}

import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { api, type RemixPlan, type StatusAnswer, type Waveform } from "../client/api";
import { Player, type Take } from "../parts/player";
import { Notice } from "../parts/checks";
import { Downloads, ReportPanel } from "../parts/report";
import { Inspector } from "../parts/inspector";
import { PlanSections } from "../parts/sections";
import { Timeline, type Block } from "../parts/timeline";
import { Transport } from "../parts/transport";
import { Refine, Versions } from "../parts/versions";
import { onKeys } from "../parts/keys";
import { beatsOf, changes as differences, use } from "../plan";
import { readReport, type Named, type Report } from "../report";
import { go, sentence } from "../state";

export interface Loaded {
  plan: RemixPlan;
  report: Report;
  master: Waveform;
  lanes: Map<string, Waveform>;
  before: { session: string; lufs: number } | null;
}

const COLUMNS = 1_200;

async function load(status: StatusAnswer): Promise<Loaded> {
  const session = status.session_id;
  const stems = (status.outputs ?? []).filter((name) => name.startsWith("stems/"));
  const [plan, report, master, ...lanes] = await Promise.all([
    api.plan(session),
    api.report(session).then(readReport),
    api.peaks(session, { columns: COLUMNS }),
    ...stems.map((name) => api.peaks(session, { name, columns: COLUMNS })),
  ]);
  return { plan, report, master, lanes: new Map(lanes.map((lane) => [lane.name, lane])), before: await earlier(status.parent ?? null, master) };
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
  const { report, plan } = loaded;
  const edited = useSignal(plan);
  const section = useSignal<number | null>(null);
  const player = useMemo(() => {
    const stems = [...loaded.lanes.keys()].map((name) => ({ name, url: api.file(status.session_id, name) }));
    return new Player(stems, takesOf(status, loaded));
  }, [status.session_id]);
  useEffect(() => () => player.close(), [player]);
  const beatS = 60 / report.bpm;
  const barS = report.meter * beatS;
  // a longer plan stretches the axis, so that its new end can be seen
  const seconds = Math.max(loaded.master.frames / loaded.master.sample_rate, beatsOf(edited.value) * beatS);
  useEffect(() => onKeys(deskKeys(player, barS)), [player]);

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
        <Transport player={player} report={report} sections={sectionsOf(edited.value, beatS)} />
        <Timeline
          player={player}
          master={loaded.master}
          lanes={loaded.lanes}
          seconds={seconds}
          barS={barS}
          sections={<PlanSections player={player} edited={edited} section={section} seconds={seconds} report={report} />}
          blocksOf={(stem) => blocksOf(edited.value, stem, beatS, section)}
          joinsOf={() => []}
          below={section.value !== null && <Inspector edited={edited} section={section} player={player} beatS={beatS} />}
        />
        {player.desk.trouble.value && <Notice kind="bad" text={player.desk.trouble.value} />}
      </div>
      <Edited status={status} plan={plan} edited={edited} />
      <div class="columns">
        <Refine status={status} />
        <Downloads status={status} />
      </div>
      <ReportPanel status={status} report={report} />
    </article>
  );
}

/** Where the plan lets a stem play. */
function blocksOf(plan: RemixPlan, stem: string, beatS: number, section: Signal<number | null>): Block[] {
  return plan.sections.flatMap((one, i) => {
    const used = use(one, stem);
    if (!used) return [];
    const choose = (): void => void (section.value = i);
    return [{ startS: one.start_beat * beatS, endS: one.end_beat * beatS, gain: used.gain, chosen: section.value === i, choose }];
  });
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
    home: () => player.seekTo(0),
    m: () => flip(strip()?.muted),
    s: () => flip(strip()?.soloed),
  };
}

const flip = (on: Signal<boolean> | undefined): void => {
  if (on) on.value = !on.value;
};

const sectionsOf = (plan: RemixPlan, beatS: number): Named[] =>
  plan.sections.map((one) => ({ name: one.label, startS: one.start_beat * beatS, endS: one.end_beat * beatS }));

export const Verdict = ({ report }: { report: Report }) => (
  <p class={`verdict ${report.failed.length ? "warn" : "ok"}`}>
    <span class="lamp" aria-hidden="true" />
    {report.failed.length ? `${report.passed} checks passed, ${report.failed.length} did not` : `All ${report.passed} checks passed`}
  </p>
);

/** What was changed by hand, and the way to hear it. */
function Edited({ status, plan, edited }: { status: StatusAnswer; plan: RemixPlan; edited: Signal<RemixPlan> }) {
  const trouble = useSignal("");
  const sending = useSignal(false);
  const said = differences(plan, edited.value);
  if (!said.length) return null;
  async function render(): Promise<void> {
    sending.value = true;
    try {
      go(`#/session/${(await api.renderPlan(status.session_id, edited.value)).session_id}`);
    } catch (error) {
      trouble.value = sentence(error);
    } finally {
      sending.value = false;
    }
  }
  return (
    <section class="edited panel" aria-label="Changes by hand">
      <ul>
        {said.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <div class="go">
        <button type="button" class="start" disabled={sending.value} onClick={() => void render()}>
          Render the changes
        </button>
        <button type="button" onClick={() => (edited.value = plan)}>
          Discard
        </button>
      </div>
      {trouble.value && <Notice kind="bad" text={trouble.value} />}
    </section>
  );
}

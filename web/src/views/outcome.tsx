import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { api, type StatusAnswer, type Waveform } from "../client/api";
import { Notice } from "../parts/checks";
import { Downloads, ReportPanel } from "../parts/report";
import { onKeys } from "../parts/keys";
import { Player } from "../parts/player";
import { FixedSections } from "../parts/sections";
import { Timeline } from "../parts/timeline";
import { Transport } from "../parts/transport";
import { VerdictTable } from "../parts/verdict";
import { joins, readReport, type Report } from "../report";
import { sentence } from "../state";
import { clock, plural } from "../words";
import { deskKeys, Verdict } from "./result";

const COLUMNS = 1_200;
const LEAD_S = 2;

interface Made {
  report: Report;
  master: Waveform | null;
  lanes: Map<string, Waveform>;
}

async function load(status: StatusAnswer): Promise<Made> {
  const outputs = status.outputs ?? [];
  const report = readReport(await api.report(status.session_id));
  const stems = outputs.filter((name) => /^stems\/.*\.wav$/.test(name));
  if (!outputs.includes("master.wav")) return { report, master: null, lanes: new Map() };
  const [master, ...lanes] = await Promise.all(
    ["master.wav", ...stems].map((name) => api.peaks(status.session_id, { name, columns: COLUMNS })),
  );
  return { report, master: master ?? null, lanes: new Map(lanes.map((lane) => [lane.name, lane])) };
}

/** What came of a production or a check. */
export function Outcome({ status }: { status: StatusAnswer }) {
  const made = useSignal<Made | null>(null);
  const trouble = useSignal("");
  useEffect(() => {
    load(status).then(
      (found) => (made.value = found),
      (error) => (trouble.value = sentence(error)),
    );
  }, [status.session_id]);
  if (trouble.value) return <Notice kind="bad" text={trouble.value} />;
  if (!made.value) return <p class="dim" role="status">One moment…</p>;
  const { report, master } = made.value;
  return (
    <article class="result">
      <div class="result-head">
        <h1>{status.kind === "verify" ? `A set with ${status.title}` : status.title}</h1>
        <Verdict report={report} />
      </div>
      {master && <Record status={status} made={{ ...made.value, master }} />}
      {status.kind === "verify" && <VerdictTable report={report} />}
      {master && <Downloads status={status} />}
      <ReportPanel status={status} report={report} said={status.kind === "verify"} />
    </article>
  );
}

function Record({ status, made }: { status: StatusAnswer; made: Made & { master: Waveform } }) {
  const { report, master, lanes } = made;
  const player = useMemo(() => {
    const stems = [...lanes.keys()].map((name) => ({ name, url: api.file(status.session_id, name) }));
    const track = { name: "master", url: api.file(status.session_id, "master.wav") };
    const takes = [{ id: "desk", words: "Stems", track: null, gainDb: 0 }];
    return new Player(stems, [...takes, { id: "master", words: "Master", track, gainDb: Math.min(0, report.mixLufs - report.masterLufs) }]);
  }, [status.session_id]);
  const seconds = master.frames / master.sample_rate;
  const barS = report.bpm ? (report.meter * 60) / report.bpm : null;
  useEffect(() => () => player.close(), [player]);
  useEffect(() => onKeys(deskKeys(player, barS ?? LEAD_S)), [player]);
  const found = joins(report);
  return (
    <div class="instrument" role="group" aria-label="Mixing desk">
      <Transport player={player} report={report} sections={report.sections} />
      <Timeline
        player={player}
        master={master}
        lanes={lanes}
        seconds={seconds}
        barS={barS}
        sections={<FixedSections named={report.sections} seconds={seconds} go={(at) => player.seekTo(at)} />}
        blocksOf={() => []}
        joinsOf={(stem) => found.filter((join) => join.stem === stem)}
      />
      <Joins player={player} found={found} />
    </div>
  );
}

/** Every join, to be heard one by one: its stem alone, from two seconds before. */
function Joins({ player, found }: { player: Player; found: ReturnType<typeof joins> }) {
  if (!found.length) return null;
  const play = (stem: string, atS: number): void => {
    for (const strip of player.strips) strip.soloed.value = strip.name === `stems/${stem}.wav`;
    player.take.value = "desk";
    player.seekTo(atS - LEAD_S);
    void player.desk.play();
  };
  return (
    <section class="inspector" aria-label="Joins">
      <h2>{plural(found.length, "join")}</h2>
      <div class="go">
        {found.map((join, i) => (
          <button key={i} type="button" class="chip" onClick={() => play(join.stem, join.atS)}>
            {join.stem} at <span class="read">&nbsp;{clock(join.atS, true)}</span>
            {join.audible ? ", can be heard" : ""}
          </button>
        ))}
      </div>
    </section>
  );
}

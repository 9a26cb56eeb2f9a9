import { untracked, useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { api, type StatusAnswer, type Waveform } from "../client/api";
import type { Grid } from "../parts/axis";
import { Notice } from "../parts/checks";
import { Icon } from "../parts/icons";
import { Downloads, ReportPanel } from "../parts/report";
import { onKeys } from "../parts/keys";
import { Player } from "../parts/player";
import { FixedSections } from "../parts/sections";
import { Timeline } from "../parts/timeline";
import { Transport } from "../parts/transport";
import { VerdictTable } from "../parts/verdict";
import { joins, readReport, type Report, type ReportJoin } from "../report";
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
      {status.kind === "verify" && <VerdictTable session={status.session_id} report={report} />}
      {master && <Downloads status={status} />}
      <ReportPanel status={status} report={report} said={status.kind === "verify"} />
    </article>
  );
}

/** Bar lines of a production: they start anew with every section, at its tempo. */
function gridsOf(report: Report, seconds: number): Grid[] {
  const found = report.sections.flatMap(({ startS, endS, bpm }) => (bpm ? [{ startS, endS, barS: (report.meter * 60) / bpm }] : []));
  if (found.length) return found;
  return report.bpm ? [{ startS: 0, endS: seconds, barS: (report.meter * 60) / report.bpm }] : [];
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
  const barS = report.bpm ? (report.meter * 60) / report.bpm : LEAD_S;
  useEffect(() => () => player.close(), [player]);
  useEffect(() => onKeys(deskKeys(player, barS)), [player]);
  const found = joins(report);
  const at = useSignal<number | null>(null);
  return (
    <div class="instrument" role="group" aria-label="Mixing desk">
      <Transport player={player} report={report} sections={report.sections} />
      <Timeline
        player={player}
        master={master}
        lanes={lanes}
        seconds={seconds}
        grids={gridsOf(report, seconds)}
        sections={<FixedSections named={report.sections} seconds={seconds} go={(to) => player.seekTo(to)} />}
        blocksOf={() => []}
        joinsOf={(stem) => found.flatMap((join, i) => (join.stem === stem ? [{ ...join, chosen: at.value === i }] : []))}
      />
      <Joins player={player} found={found} at={at} seconds={seconds} />
    </div>
  );
}

interface JoinsProps {
  player: Player;
  found: ReportJoin[];
  at: Signal<number | null>;
  seconds: number;
}

/** Every join, to be heard one by one: from two seconds before to two seconds after, alone or in the mix. */
function Joins({ player, found, at, seconds }: JoinsProps) {
  const alone = useSignal(true);
  const before = useRef<boolean[] | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const inRow = useSignal(false);
  const end = (): void => {
    before.current?.forEach((soloed, i) => player.strips[i] && (player.strips[i].soloed.value = soloed));
    before.current = null;
    at.value = null;
  };
  const play = (index: number): void => {
    const join = found[index];
    if (!join) return;
    before.current ??= player.strips.map((strip) => strip.soloed.value);
    for (const strip of player.strips) strip.soloed.value = alone.value && strip.name === `stems/${join.stem}.wav`;
    player.take.value = "desk";
    player.seekTo(join.atS - LEAD_S);
    at.value = index;
    void player.desk.play();
  };
  const stop = (): void => {
    player.desk.pause();
    end();
  };
  useSignalEffect(() => {
    const now = at.value ?? -1;
    const join = found[now];
    if (!join || !player.desk.playing.value) return;
    const until = Math.min(seconds - 0.05, join.atS + join.crossfadeS + LEAD_S);
    // gone elsewhere by hand: then it is no longer about this join
    if (player.at.value < join.atS - LEAD_S - 0.5 || player.at.value > until + 0.5) end();
    else if (player.at.value >= until) untracked(() => (inRow.value && found[now + 1] ? play(now + 1) : stop()));
  });
  if (!found.length) return null;
  const heard = found.filter((join) => join.audible).length;
  const walk = (event: KeyboardEvent, from: number): void => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    list.current?.querySelectorAll("button")[Math.min(Math.max(from + by, 0), found.length - 1)]?.focus();
  };
  return (
    <section class="inspector joins" aria-label="Joins">
      <div class="inspector-head">
        <h2>
          {plural(found.length, "join")}
          <span class="dim">{heard ? `${heard} may be heard` : "none is to be heard, by measurement"}</span>
        </h2>
        <div class="sources" role="group" aria-label="Hear the joins">
          {[true, false].map((only) => (
            <button key={String(only)} type="button" class="key wide" aria-pressed={alone.value === only} onClick={() => (alone.value = only)}>
              {only ? "its stem alone" : "in the mix"}
            </button>
          ))}
        </div>
        <button type="button" class="chip" aria-pressed={inRow.value} onClick={() => (inRow.value = !inRow.value)}>
          One after another
        </button>
      </div>
      <div ref={list} class="join-rows">
        {[...new Set(found.map((join) => join.stem))].map((stem) => (
          <div key={stem} class="join-row" role="group" aria-label={`Joins of ${stem}`}>
            <strong>{stem}</strong>
            <div class="tools">
              {found.map((join, i) => join.stem === stem && (
                <button
                  key={i}
                  type="button"
                  class={`tool ${join.audible ? "warn" : ""}`}
                  aria-pressed={at.value === i}
                  onClick={() => (at.value === i ? stop() : play(i))}
                  onKeyDown={(event) => walk(event, i)}
                >
                  <Icon name={at.value === i ? "stop" : "play"} /> <span class="read">{clock(join.atS, true)}</span>
                  {join.audible && <span>can be heard</span>}
                </button>
              ))}
            </div>
          </div>
        ))}
      </div>
    </section>
  );
}

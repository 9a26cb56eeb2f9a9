import { useComputed } from "@preact/signals";
import type { RemixPlan } from "../client/api";
import type { Report } from "../report";
import { clock } from "../words";
import type { Player } from "./player";

export function Transport({ player, report, plan }: { player: Player; report: Report; plan: RemixPlan | null }) {
  const { desk } = player;
  return (
    <div class="transport">
      <button
        type="button"
        class="play"
        aria-label={desk.playing.value ? "Pause" : "Play"}
        aria-keyshortcuts="Space"
        disabled={!desk.ready.value}
        onClick={() => desk.toggle()}
      >
        <svg viewBox="0 0 24 24" width="26" aria-hidden="true">
          {desk.playing.value ? <path d="M6 4h4v16H6zM14 4h4v16h-4z" /> : <path d="M7 3.5v17l14-8.5z" />}
        </svg>
      </button>
      <Counter player={player} report={report} plan={plan} />
      <div class="takes" role="group" aria-label="Listen to, at equal loudness">
        {player.takes.map((take) => (
          <button key={take.id} type="button" class="chip" aria-pressed={player.take.value === take.id} onClick={() => (player.take.value = take.id)}>
            {take.words}
          </button>
        ))}
      </div>
      <p class="facts dim">
        <span class="read">{report.bpm.toFixed(1)}</span> bpm <span class="read">{report.key}</span>{" "}
        <span class="read">{report.masterLufs.toFixed(1)}</span> LUFS
        {desk.waiting.value && <span class="waiting">fetching…</span>}
      </p>
    </div>
  );
}

function Counter({ player, report, plan }: { player: Player; report: Report; plan: RemixPlan | null }) {
  const beat = useComputed(() => Math.floor((player.at.value * report.bpm) / 60 + 0.01));
  const section = plan?.sections.find((one) => beat.value >= one.start_beat && beat.value < one.end_beat);
  const time = useComputed(() => clock(player.at.value, true));
  return (
    <div class="counter read" aria-hidden="true">
      <span class="time">{time}</span>
      <span class="dim"> / {clock(player.desk.frames / player.desk.sampleRate)}</span>
      <span class="bar">
        bar {Math.floor(beat.value / report.meter) + 1}.{(beat.value % report.meter) + 1} {section?.label ?? ""}
      </span>
    </div>
  );
}

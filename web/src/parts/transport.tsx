import { useComputed } from "@preact/signals";
import type { Named, Report } from "../report";
import { clock } from "../words";
import type { Player } from "./player";

export function Transport({ player, report, sections }: { player: Player; report: Report; sections: Named[] }) {
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
      <Counter player={player} report={report} sections={sections} />
      <div class="takes" role="group" aria-label="Listen to, at equal loudness">
        {player.takes.map((take) => (
          <button key={take.id} type="button" class="chip" aria-pressed={player.take.value === take.id} onClick={() => (player.take.value = take.id)}>
            {take.words}
          </button>
        ))}
      </div>
      <p class="facts dim">
        {report.bpm > 0 && (
          <>
            <span class="read">{report.bpm.toFixed(1)}</span> bpm{" "}
          </>
        )}
        <span class="read">{report.key}</span>{" "}
        <span class="read">{report.masterLufs.toFixed(1)}</span> LUFS
        {desk.waiting.value && <span class="waiting">fetching…</span>}
      </p>
    </div>
  );
}

function Counter({ player, report, sections }: { player: Player; report: Report; sections: Named[] }) {
  const now = player.at.value + 0.005;
  const section = sections.find((one) => now >= one.startS && now < one.endS);
  const time = useComputed(() => clock(player.at.value, true));
  return (
    <div class="counter read" aria-hidden="true">
      <span class="time">{time}</span>
      <span class="dim"> / {clock(player.desk.frames / player.desk.sampleRate)}</span>
      <span class="bar">
        {place(now, report, sections)} {section?.name ?? ""}
      </span>
    </div>
  );
}

/** Bar and beat; where sections have tempos of their own, bars start anew with each and are counted on. */
function place(now: number, report: Report, sections: Named[]): string {
  if (!sections.some((one) => one.bpm)) return report.bpm > 0 ? counted((now * report.bpm) / 60, 0, report.meter) : "";
  let bars = 0;
  for (const one of sections) {
    const bpm = one.bpm ?? report.bpm;
    if (now < one.endS) return counted(Math.max(0, ((now - one.startS) * bpm) / 60), bars, report.meter);
    bars += Math.ceil(((one.endS - one.startS) * bpm) / 60 / report.meter - 0.01);
  }
  return "";
}

const counted = (beats: number, bars: number, meter: number): string => {
  const beat = Math.floor(beats + 0.01);
  return `bar ${bars + Math.floor(beat / meter) + 1}.${(beat % meter) + 1}`;
};

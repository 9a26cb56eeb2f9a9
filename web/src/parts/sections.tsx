import type { Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { RemixPlan } from "../client/api";
import { moveBorder } from "../plan";
import type { Report } from "../report";
import type { Player } from "./player";
import { share } from "./timeline";

/** Sections that were asked for: a press goes there. */
export function FixedSections({ named, seconds, go }: { named: Array<{ name: string; startS: number; endS: number }>; seconds: number; go?: (seconds: number) => void }) {
  return (
    <div class="track sections">
      {named.map((one, i) => (
        <button
          key={i}
          type="button"
          class="section"
          style={{ left: share(one.startS, seconds), width: share(one.endS - one.startS, seconds) }}
          onClick={() => go?.(one.startS)}
        >
          {one.name}
        </button>
      ))}
    </div>
  );
}

interface SectionsProps {
  player: Player;
  edited: Signal<RemixPlan>;
  section: Signal<number | null>;
  seconds: number;
  report: Report;
}

/** The plan's sections: a press chooses one, a border is dragged, or moved by the arrow keys, from bar to bar. */
export function PlanSections({ player, edited, section, seconds, report }: SectionsProps) {
  const track = useRef<HTMLDivElement>(null);
  const plan = edited.value;
  const place = (beat: number): string => share((beat * 60) / report.bpm, seconds);
  const beatAt = (x: number): number => {
    const { left, width } = (track.current as HTMLDivElement).getBoundingClientRect();
    return (((x - left) / width) * seconds * report.bpm) / 60;
  };
  const move = (after: number, beat: number): void => {
    edited.value = moveBorder(edited.value, after, beat, report.meter);
  };
  return (
    <div ref={track} class="track sections">
      {plan.sections.map((one, i) => (
        <button
          key={i}
          type="button"
          class={`section is-${one.label}`}
          style={{ left: place(one.start_beat), width: place(one.end_beat - one.start_beat) }}
          aria-pressed={section.value === i}
          aria-label={`${one.label}, bar ${one.start_beat / report.meter + 1} to ${one.end_beat / report.meter}`}
          onClick={() => {
            section.value = section.value === i ? null : i;
            player.seekTo((one.start_beat * 60) / report.bpm);
          }}
        >
          {one.label}
        </button>
      ))}
      {plan.sections.map((one, i) => (
        <div
          key={`border ${i}`}
          class="border"
          role="slider"
          tabIndex={0}
          style={{ left: place(one.end_beat) }}
          aria-label={`End of the ${one.label}, in bars`}
          aria-valuemin={one.start_beat / report.meter + 1}
          aria-valuemax={(plan.sections[i + 1]?.end_beat ?? one.end_beat + 64) / report.meter - 1}
          aria-valuenow={one.end_beat / report.meter}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && move(i, beatAt(event.clientX))}
          onKeyDown={(event) => {
            const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
            if (by) {
              event.preventDefault();
              move(i, one.end_beat + by * report.meter);
            }
          }}
        />
      ))}
    </div>
  );
}

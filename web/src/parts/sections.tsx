import { useSignal, type Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { bars, called } from "../changes";
import type { Edits } from "../edits";
import type { Materials } from "../material";
import { lengthOf, moveBorder, moveSection, removeSection, resizeSection, type Clip } from "../plan";
import { share } from "./axis";
import type { Player } from "./player";

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
          <span class="section-name">{one.name}</span>
        </button>
      ))}
    </div>
  );
}

interface SectionsProps {
  player: Player;
  edits: Edits;
  songs: Materials;
  section: Signal<number | null>;
  seconds: number;
  meter: number;
  bpm: number;
}

interface Drag {
  from: number;
  to: number;
  byPx: number;
}

const DRAG_PX = 6;

/** The plan's sections: chosen, dragged to another place, and their borders moved from bar to bar; all by keys, too. */
export function PlanSections({ player, edits, songs, section, seconds, meter, bpm }: SectionsProps) {
  const track = useRef<HTMLDivElement>(null);
  const drag = useSignal<Drag | null>(null);
  const draft = edits.draft.value;
  const beatS = 60 / bpm;
  const place = (beats: number): string => share(beats * beatS, seconds);
  const beatAt = (x: number): number => {
    const { left, width } = (track.current as HTMLDivElement).getBoundingClientRect();
    return (((x - left) / width) * seconds) / beatS;
  };
  const border = (after: number, beat: number): void => {
    const now = edits.draft.value;
    const isLast = after === now.sections.length - 1;
    const one = now.sections[after] as Clip;
    const next = isLast ? resizeSection(now, songs, after, beat - one.start_beat) : moveBorder(now, after, beat, meter);
    edits.do(next, `The ${called(next, after)} ends after bar ${(next.sections[after]?.end_beat ?? 0) / meter}.`, `border ${after}`);
  };
  const move = (from: number, to: number): void => {
    if (to < 0 || to >= draft.sections.length || to === from) return;
    const next = moveSection(draft, songs, from, to);
    edits.do(next, `The ${draft.sections[from]?.label} is section ${to + 1} of ${next.sections.length} now.`);
    section.value = to;
    if (player.loopSection.value === from) player.loopSection.value = to;
    requestAnimationFrame(() => track.current?.querySelectorAll<HTMLElement>(".section")[to]?.focus());
  };
  const choose = (at: number): void => {
    section.value = section.value === at ? null : at;
    player.seekTo((draft.sections[at]?.start_beat ?? 0) * beatS);
  };
  const remove = (at: number): void => {
    if (draft.sections.length < 3) return;
    edits.do(removeSection(draft, songs, at), `The ${called(draft, at)} is taken out.`);
    section.value = player.loopSection.value = null;
    requestAnimationFrame(() => track.current?.querySelectorAll<HTMLElement>(".section")[Math.max(0, at - 1)]?.focus());
  };
  /** The place among the others where a section would fall. */
  const slot = (from: number, x: number): number =>
    draft.sections.filter((one, i) => i !== from && (one.start_beat + one.end_beat) / 2 < beatAt(x)).length;
  const grab = (from: number, down: PointerEvent): void => {
    if (down.button !== 0) return;
    const button = down.currentTarget as HTMLElement;
    button.setPointerCapture(down.pointerId);
    const follow = (event: PointerEvent): void => {
      const byPx = event.clientX - down.clientX;
      if (!drag.value && Math.abs(byPx) < DRAG_PX) return;
      drag.value = { from, to: slot(from, event.clientX), byPx };
    };
    const end = (event: PointerEvent): void => {
      button.removeEventListener("pointermove", follow);
      button.removeEventListener("pointerup", end);
      button.removeEventListener("pointercancel", end);
      const found = drag.value;
      if (!found) return;
      // the click that follows belongs to the drag
      const swallow = (click: Event): void => click.stopImmediatePropagation();
      button.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => button.removeEventListener("click", swallow, { capture: true }));
      drag.value = null;
      if (event.type === "pointerup") move(found.from, found.to);
    };
    button.addEventListener("pointermove", follow);
    button.addEventListener("pointerup", end);
    button.addEventListener("pointercancel", end);
  };
  return (
    <div ref={track} class={`track sections ${drag.value ? "dragging" : ""}`}>
      {draft.sections.map((one, i) => (
        <button
          key={i}
          type="button"
          class={`section is-${one.label} in-${one.transition_in ?? "crossfade"} ${one.was ? "" : "fresh"} ${drag.value?.from === i ? "held" : ""}`}
          style={{ left: place(one.start_beat), width: place(lengthOf(one)), ...(drag.value?.from === i && { translate: `${drag.value.byPx}px` }) }}
          aria-pressed={section.value === i}
          aria-keyshortcuts="Alt+ArrowLeft Alt+ArrowRight Delete"
          aria-label={`${one.label} ${bars(lengthOf(one), meter)}: bar ${one.start_beat / meter + 1} to ${one.end_beat / meter}`}
          onClick={() => choose(i)}
          onPointerDown={(event) => grab(i, event)}
          onKeyDown={(event) => {
            const by = event.altKey ? { ArrowLeft: -1, ArrowRight: 1 }[event.key] : undefined;
            if (!by && event.key !== "Delete") return;
            event.preventDefault();
            if (by) move(i, i + by);
            else remove(i);
          }}
        >
          <span class="section-name">{one.label}</span>{" "}
          <span class="section-bars">{bars(lengthOf(one), meter)}</span>
        </button>
      ))}
      {drag.value && <span class="drop-mark" style={{ left: place(slotBeat(draft.sections, drag.value)) }} />}
      {!drag.value && draft.sections.map((one, i) => (
        <div
          key={`border ${i}`}
          class="border"
          role="slider"
          tabIndex={0}
          style={{ left: place(one.end_beat) }}
          aria-label={`End of the ${one.label}, in bars`}
          aria-valuemin={one.start_beat / meter + 1}
          aria-valuemax={(draft.sections[i + 1]?.end_beat ?? one.end_beat + 64 * meter) / meter - 1}
          aria-valuenow={one.end_beat / meter}
          aria-valuetext={`after bar ${one.end_beat / meter}`}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && border(i, beatAt(event.clientX))}
          onKeyDown={(event) => {
            const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
            if (!by || event.altKey) return;
            event.preventDefault();
            border(i, one.end_beat + by * meter);
          }}
        />
      ))}
    </div>
  );
}

/** Beat at which a section that is dragged would come in. */
function slotBeat(sections: Clip[], { from, to }: Drag): number {
  const others = sections.filter((_, i) => i !== from);
  return others[to]?.start_beat ?? others[others.length - 1]?.end_beat ?? 0;
}

import { signal, type Signal } from "@preact/signals";
import type { RemixPlan } from "./client/api";
import { begin, plain, type Draft } from "./plan";

const KEPT = "stemwright.edits";
const ONE_GESTURE_MS = 900;
const MOST_STEPS = 200;

/** What somebody changed by hand and has not rendered yet: step by step, to be undone and done again. */
export class Edits {
  readonly draft: Signal<Draft>;
  readonly past = signal<Draft[]>([]);
  readonly future = signal<Draft[]>([]);
  /** What was done last, for those who don't see it. */
  readonly said = signal("");
  private gesture = "";
  private touched = 0;

  constructor(
    private readonly session: string,
    readonly before: RemixPlan,
  ) {
    this.draft = signal(begin(before));
    const kept = remembered(session);
    if (kept) [this.past.value, this.draft.value] = [[this.draft.value], kept];
  }

  get isEdited(): boolean {
    return JSON.stringify(plain(this.draft.value)) !== JSON.stringify(this.before);
  }

  /** Take a step. Steps of one gesture, a fader that is pulled, are one. */
  do(next: Draft, said: string, gesture = ""): void {
    if (next === this.draft.value || JSON.stringify(next) === JSON.stringify(this.draft.value)) return;
    const now = performance.now();
    const isSame = gesture !== "" && gesture === this.gesture && now - this.touched < ONE_GESTURE_MS;
    if (!isSame) this.past.value = [...this.past.value, this.draft.value].slice(-MOST_STEPS);
    [this.gesture, this.touched] = [gesture, now];
    this.future.value = [];
    this.show(next, said);
  }

  undo(): void {
    const last = this.past.value[this.past.value.length - 1];
    if (!last) return;
    this.past.value = this.past.value.slice(0, -1);
    this.future.value = [this.draft.value, ...this.future.value];
    this.gesture = "";
    this.show(last, "Undone.");
  }

  redo(): void {
    const [next, ...later] = this.future.value;
    if (!next) return;
    this.future.value = later;
    this.past.value = [...this.past.value, this.draft.value];
    this.gesture = "";
    this.show(next, "Done again.");
  }

  discard(): void {
    this.do(begin(this.before), "All changes are discarded.");
  }

  private show(next: Draft, said: string): void {
    this.draft.value = next;
    this.said.value = said;
    if (this.isEdited) localStorage.setItem(KEPT, JSON.stringify({ session: this.session, draft: next }));
    else localStorage.removeItem(KEPT);
  }

  /** Rendered now: nothing is left to remember. */
  forget(): void {
    localStorage.removeItem(KEPT);
  }
}

function remembered(session: string): Draft | null {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null") as { session: string; draft: Draft } | null;
    return kept?.session === session ? kept.draft : null;
  } catch {
    return null;
  }
}

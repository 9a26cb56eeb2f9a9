import { computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { Desk, type Track } from "../audio/desk";

export interface Strip {
  name: string;
  gainDb: Signal<number>;
  muted: Signal<boolean>;
  soloed: Signal<boolean>;
}

/** What is listened to: the stems on the desk, or a finished file; all at the loudness of the mix. */
export interface Take {
  id: string;
  words: string;
  track: Track | null;
  gainDb: number;
}

export const LOWEST_DB = -30;
export const HIGHEST_DB = 6;

const linear = (db: number): number => (db <= LOWEST_DB ? 0 : 10 ** (db / 20));

/** The desk with its strips; the last tracks are the takes that are compared with them. */
export class Player {
  readonly desk = new Desk();
  readonly strips: Strip[];
  readonly take = signal("desk");
  readonly selected = signal(0);
  readonly at: ReadonlySignal<number>;
  readonly loopSection = signal<number | null>(null);
  private readonly off: () => void;

  constructor(
    stems: Track[],
    readonly takes: Take[],
  ) {
    this.strips = stems.map(({ name }) => ({ name, gainDb: signal(0), muted: signal(false), soloed: signal(false) }));
    this.at = computed(() => this.desk.frame.value / this.desk.sampleRate);
    const others = takes.flatMap((take) => (take.track ? [take.track] : []));
    void this.desk.open([...stems, ...others]);
    this.off = effect(() => this.desk.setGains(this.gains()));
  }

  private gains(): number[] {
    const soloed = this.strips.some((strip) => strip.soloed.value);
    const onDesk = this.take.value === "desk";
    const stems = this.strips.map((strip) => {
      const sounds = onDesk && !strip.muted.value && (!soloed || strip.soloed.value);
      return sounds ? linear(strip.gainDb.value) : 0;
    });
    const others = this.takes.filter((take) => take.track).map((take) => (take.id === this.take.value ? linear(take.gainDb) : 0));
    return [...stems, ...others];
  }

  /** Whether a strip is heard, so that its lane can say so. */
  heard(strip: Strip): boolean {
    const soloed = this.strips.some((one) => one.soloed.value);
    return this.take.value === "desk" && !strip.muted.value && (!soloed || strip.soloed.value);
  }

  seekTo(seconds: number): void {
    this.desk.seek(seconds * this.desk.sampleRate);
  }

  close(): void {
    this.off();
    this.desk.close();
  }
}

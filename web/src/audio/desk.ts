import { signal } from "@preact/signals";
import { CHUNK_FRAMES, Mixer, type Freed, type Order, type Told } from "./mixer";
import { spliced, type Splice } from "./splice";
import { overHttp, readFormat, type ReadRange, type WavFormat } from "./wav";
import workletUrl from "./desk.worklet.ts?worker&url";

/** Chunks behind and ahead of the playhead that are kept: 13 s of music, whatever its length. */
const BEHIND = 1;
const AHEAD = 7;
const MOST_REQUESTS = 6;
const OLD_BLOCK = 2_048;
const RETRY_MS = 1_000;
const WAKING_MS = 1_000;

export interface Track {
  name: string;
  url: string;
}

interface Tape extends Track {
  read: ReadRange;
  format: WavFormat;
  held: Set<number>;
  /** Where it was put together anew; null plays it as it is. */
  splices: Splice[] | null;
}

/** Plays tracks together: streamed, decoded around the playhead, mixed in one place. */
export class Desk {
  readonly frame = signal(0);
  readonly playing = signal(false);
  readonly waiting = signal(false);
  readonly ready = signal(false);
  readonly trouble = signal("");
  readonly levels = signal<number[]>([]);
  sampleRate = 44_100;
  readonly length = signal(0);

  private tapes: Tape[] = [];
  private context: AudioContext | null = null;
  private node: AudioNode | null = null;
  private send: (order: Order, moved?: Transferable[]) => void = () => undefined;
  private gains: number[] = [];
  private loop: [number, number] | null = null;
  private busy = new Map<string, AbortController>();
  private seeks = 0;
  private spare: Float32Array[] = [];
  private forms = 0;
  private arranged = JSON.stringify([null, null]);
  private closed = false;
  private starting: Promise<void> | null = null;

  /** Read the heads of all tracks; they have to be equally long and at one rate. */
  async open(tracks: Track[]): Promise<void> {
    try {
      this.tapes = await Promise.all(
        tracks.map(async (track) => {
          const read = overHttp(track.url);
          return { ...track, read, format: await readFormat(read), held: new Set<number>(), splices: null };
        }),
      );
    } catch (error) {
      this.trouble.value = error instanceof Error ? error.message : String(error);
      return;
    }
    this.sampleRate = this.tapes[0]?.format.sampleRate ?? this.sampleRate;
    this.length.value = this.longest();
    this.ready.value = true;
  }

  private longest(): number {
    return Math.max(0, ...this.tapes.map((tape) => tape.format.frames));
  }

  /** Play tracks in another order than they have, to hear roughly what is not rendered yet; null plays them as they are. */
  arrange(splices: Array<Splice[] | null> | null, frames = this.longest()): void {
    const asked = JSON.stringify([splices, splices && frames]);
    if (asked === this.arranged || !this.ready.value) return;
    this.arranged = asked;
    this.forms += 1;
    this.tapes.forEach((tape, track) => {
      tape.splices = splices?.[track] ?? null;
      tape.held.clear();
    });
    for (const stop of this.busy.values()) stop.abort();
    this.length.value = splices ? frames : this.longest();
    this.frame.value = Math.min(this.frame.value, this.frames);
    this.send({ type: "form", frames: this.frames });
    if (this.context) this.load();
  }

  get frames(): number {
    return this.length.value;
  }

  /** Made on the first press: browsers want to be asked by a person before they make a sound. */
  private start(): Promise<void> {
    this.starting ??= this.build();
    return this.starting;
  }

  /** At the rate of the tracks, so that frames are frames; the browser converts to the rate of the device. */
  private async build(): Promise<void> {
    const context = new AudioContext({ sampleRate: this.sampleRate, latencyHint: "interactive" });
    this.context = context;
    if (context.audioWorklet) await this.buildWorklet(context);
    else this.buildOld(context);
    if (this.closed) return;
    this.node?.connect(context.destination);
    context.onstatechange = () => this.onState(context.state);
    this.send({ type: "gains", gains: this.gains });
    this.send({ type: "loop", range: this.loop });
    this.send({ type: "seek", frame: this.frame.value, number: this.seeks });
  }

  /** A call on the phone, or the system, may take the sound away: then play stands there again. */
  private onState(state: AudioContextState): void {
    if (state !== "running" && this.playing.value && !this.closed) this.pause();
  }

  /** The service was away when the mixer was to be fetched: the next press tries again. */
  private giveUp(): void {
    void this.context?.close();
    this.context = null;
    this.starting = null;
    this.playing.value = false;
    this.trouble.value = "The mixer could not be fetched. Press play to try again.";
  }

  /** Until a person has touched the page, browsers keep it silent, and never say so. */
  private async wakes(context: AudioContext): Promise<boolean> {
    const awake = context.resume().then(() => true);
    if (navigator.userActivation?.hasBeenActive !== false) return awake;
    const late = new Promise<boolean>((tell) => setTimeout(() => tell(context.state === "running"), WAKING_MS));
    return Promise.race([awake, late]);
  }

  private async buildWorklet(context: AudioContext): Promise<void> {
    await context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(context, "desk", {
      numberOfInputs: 0,
      outputChannelCount: [2],
      processorOptions: { tracks: this.tapes.length, frames: this.frames },
    });
    node.port.onmessage = ({ data }: MessageEvent<Told | Freed>) => ("freed" in data ? this.keep(data.freed) : this.hear(data));
    this.send = (order, moved = []) => node.port.postMessage(order, moved);
    this.node = node;
  }

  /** Worklets are only there over https and on this very machine; a phone in the same room has neither. */
  private buildOld(context: AudioContext): void {
    const mixer = new Mixer(this.tapes.length, this.frames, context.sampleRate);
    const node = context.createScriptProcessor(OLD_BLOCK, 0, 2);
    node.onaudioprocess = (event) => {
      mixer.fill(event.outputBuffer.getChannelData(0), event.outputBuffer.getChannelData(1));
      this.hear(mixer.tell([...mixer.levels]));
    };
    this.send = (order) => this.keep(mixer.take(order));
    this.node = node;
  }

  private hear(told: Told): void {
    if (this.closed || told.seeks !== this.seeks) return;
    if (this.playing.value) this.frame.value = told.frame;
    this.waiting.value = told.waiting && this.playing.value;
    this.levels.value = told.levels;
    if (told.ended && this.playing.value) this.playing.value = false;
    this.load();
  }

  async play(): Promise<void> {
    if (!this.ready.value) return;
    if (this.frame.value >= this.frames) this.seek(0);
    this.playing.value = true;
    try {
      await this.start();
    } catch {
      if (!this.closed) this.giveUp();
      return;
    }
    if (this.closed || !this.context) return;
    if (!(await this.wakes(this.context))) this.playing.value = false;
    this.load();
    this.send({ type: "play", on: this.playing.value });
  }

  pause(): void {
    this.playing.value = false;
    this.send({ type: "play", on: false });
  }

  toggle(): void {
    if (this.playing.value) this.pause();
    else void this.play();
  }

  seek(frame: number): void {
    const to = Math.round(Math.max(0, Math.min(frame, this.frames)));
    this.frame.value = to;
    this.seeks += 1;
    this.send({ type: "seek", frame: to, number: this.seeks });
    if (this.context) this.load();
  }

  /** Play these frames over and over; a loop ends with the song at the latest. */
  setLoop(range: [number, number] | null): void {
    const [from = 0, to = 0] = range?.map((frame) => Math.round(Math.max(0, Math.min(frame, this.frames)))) ?? [];
    this.loop = from < to ? [from, to] : null;
    this.send({ type: "loop", range: this.loop });
  }

  setGains(gains: number[]): void {
    this.gains = gains;
    this.send({ type: "gains", gains });
  }

  close(): void {
    this.closed = true;
    for (const stop of this.busy.values()) stop.abort();
    this.node?.disconnect();
    void this.context?.close();
  }

  /** Chunks that are wanted, the nearest first; in a loop its beginning comes after its end. */
  private wanted(): number[] {
    const now = Math.floor(this.frame.value / CHUNK_FRAMES);
    const last = Math.floor(Math.max(0, this.frames - 1) / CHUNK_FRAMES);
    const ahead = Array.from({ length: AHEAD + 1 }, (_, i) => now + i);
    const behind = Array.from({ length: BEHIND }, (_, i) => now - 1 - i);
    const again = this.loop ? [0, 1].map((i) => Math.floor((this.loop as [number, number])[0] / CHUNK_FRAMES) + i) : [];
    return [...new Set([...ahead.slice(0, 2), ...again, ...ahead.slice(2), ...behind])].filter((i) => i >= 0 && i <= last);
  }

  private load(): void {
    const wanted = this.wanted();
    const kept = new Set(wanted);
    for (const [id, stop] of this.busy) if (!kept.has(Number(id.split("/")[2]))) stop.abort();
    this.tapes.forEach((tape, track) => {
      for (const index of tape.held) {
        if (kept.has(index)) continue;
        tape.held.delete(index);
        this.send({ type: "forget", track, index });
      }
    });
    const order = this.tapes.map((_, track) => track).sort((a, b) => (this.gains[b] ?? 0) - (this.gains[a] ?? 0));
    for (const index of wanted) {
      for (const track of order) {
        if (this.busy.size >= MOST_REQUESTS) return;
        void this.fetch(track, index);
      }
    }
  }

  private async fetch(track: number, index: number): Promise<void> {
    const tape = this.tapes[track];
    const form = this.forms;
    const id = `${form}/${track}/${index}`;
    if (!tape || tape.held.has(index) || this.busy.has(id)) return;
    const stop = new AbortController();
    this.busy.set(id, stop);
    try {
      const planes = await spliced(tape, index * CHUNK_FRAMES, CHUNK_FRAMES, stop.signal, () => this.plane());
      if (form !== this.forms) return;
      tape.held.add(index);
      const moved = planes.map((plane) => plane.buffer);
      this.send({ type: "chunk", chunk: { track, index, planes } }, moved);
      this.trouble.value = "";
    } catch (error) {
      if (!stop.signal.aborted) await this.later(error);
    } finally {
      this.busy.delete(id);
    }
    if (!this.closed) this.load();
  }

  private plane(): Float32Array {
    return this.spare.pop() ?? new Float32Array(CHUNK_FRAMES);
  }

  private keep(planes: Float32Array[]): void {
    this.spare.push(...planes);
  }

  private async later(error: unknown): Promise<void> {
    this.trouble.value = error instanceof Error ? error.message : String(error);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

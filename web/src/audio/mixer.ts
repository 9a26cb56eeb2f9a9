/**
 * All tracks of the desk with one playhead. There is one position and one loop over the frames of a block, so stems
 * can't drift apart: where a track that sounds is not there yet, all of them wait.
 */

export const CHUNK_FRAMES = 65_536;
const GLIDE_S = 0.004;

export interface Chunk {
  track: number;
  index: number;
  planes: Float32Array[];
}

export type Order =
  | { type: "chunk"; chunk: Chunk }
  | { type: "forget"; track: number; index: number }
  | { type: "gains"; gains: number[] }
  | { type: "play"; on: boolean }
  | { type: "seek"; frame: number; number: number }
  | { type: "loop"; range: [number, number] | null }
  | { type: "form"; frames: number };

export interface Told {
  frame: number;
  /** Of the last jump that was taken: what was told before it is no longer true. */
  seeks: number;
  playing: boolean;
  waiting: boolean;
  ended: boolean;
  levels: number[];
}

/** Memory of forgotten chunks, on its way back: left to the garbage collector, it would pile up. */
export interface Freed {
  freed: Float32Array[];
}

export class Mixer {
  frame = 0;
  seeks = 0;
  playing = false;
  waiting = false;
  ended = false;
  readonly levels: number[];
  private readonly chunks: Array<Map<number, Float32Array[]>>;
  private readonly wanted: number[];
  private readonly gains: number[];
  private loop: [number, number] | null = null;
  private fade = 0;
  private jump: number | null = null;
  private readonly glide: number;

  constructor(
    readonly tracks: number,
    private frames: number,
    sampleRate: number,
  ) {
    this.chunks = Array.from({ length: tracks }, () => new Map());
    this.wanted = new Array<number>(tracks).fill(0);
    this.gains = new Array<number>(tracks).fill(0);
    this.levels = new Array<number>(tracks).fill(0);
    this.glide = 1 / (GLIDE_S * sampleRate);
  }

  /** Do what is ordered; returns memory that can be used again. */
  take(order: Order): Float32Array[] {
    if (order.type === "forget") return this.forget(order.track, order.index);
    if (order.type === "chunk") this.chunks[order.chunk.track]?.set(order.chunk.index, order.chunk.planes);
    else if (order.type === "gains") order.gains.forEach((gain, track) => (this.wanted[track] = gain));
    else if (order.type === "loop") this.loop = order.range;
    else if (order.type === "seek") this.seek(order.frame, order.number);
    else if (order.type === "form") this.form(order.frames);
    else this.play(order.on);
    return [];
  }

  private forget(track: number, index: number): Float32Array[] {
    const planes = this.chunks[track]?.get(index) ?? [];
    this.chunks[track]?.delete(index);
    return planes;
  }

  /** The tracks were put together anew: nothing that is held is right any more. */
  private form(frames: number): void {
    this.chunks.forEach((chunks) => chunks.clear());
    this.frames = frames;
    this.frame = Math.min(this.frame, frames);
  }

  private play(on: boolean): void {
    if (on && this.frame >= this.frames) this.frame = 0;
    if (on && !this.playing && this.fade === 0) this.wanted.forEach((gain, track) => (this.gains[track] = gain));
    this.playing = on;
    this.ended = false;
  }

  /** While it sounds, a jump waits for a short fade; it would click. */
  private seek(frame: number, number: number): void {
    const to = Math.max(0, Math.min(frame, this.frames));
    this.seeks = number;
    this.ended = false;
    if (this.playing && this.fade > 0) this.jump = to;
    else this.frame = to;
  }

  /** What the page is told; a jump that waits for its fade counts as done. */
  tell(levels: number[]): Told {
    const { seeks, playing, waiting, ended } = this;
    return { frame: this.jump ?? this.frame, seeks, playing, waiting, ended, levels };
  }

  /** Fill a block. */
  fill(left: Float32Array, right: Float32Array): void {
    left.fill(0);
    right.fill(0);
    this.levels.fill(0);
    for (let at = 0; at < left.length; ) {
      if (!this.playing && this.fade === 0) return;
      const count = Math.min(left.length - at, this.run());
      if (count <= 0) return;
      this.waiting = !this.isThere();
      if (this.waiting) {
        this.fade = 0;
        if (this.jump !== null) this.land();
        return;
      }
      this.mix(left, right, at, count);
      at += count;
      this.frame += count;
      this.turn();
    }
  }

  /** How many frames lie ahead in one piece: until the chunk, the loop or the song ends. */
  private run(): number {
    const chunkEnd = (Math.floor(this.frame / CHUNK_FRAMES) + 1) * CHUNK_FRAMES;
    const ends = [chunkEnd, this.frames];
    if (this.loop && this.frame < this.loop[1]) ends.push(this.loop[1]);
    if (this.frame >= this.frames) this.turn();
    return Math.min(...ends) - this.frame;
  }

  private turn(): void {
    if (this.jump !== null && this.fade === 0) this.land();
    if (this.loop && this.frame === this.loop[1]) this.frame = this.loop[0];
    if (this.frame >= this.frames && this.playing) {
      this.playing = false;
      this.ended = true;
      this.fade = 0;
    }
  }

  private land(): void {
    this.frame = this.jump ?? this.frame;
    this.jump = null;
  }

  private isThere(): boolean {
    const index = Math.floor(this.frame / CHUNK_FRAMES);
    return this.chunks.every((chunks, track) => chunks.has(index) || (!this.wanted[track] && !this.gains[track]));
  }

  private mix(left: Float32Array, right: Float32Array, at: number, count: number): void {
    const index = Math.floor(this.frame / CHUNK_FRAMES);
    const offset = this.frame - index * CHUNK_FRAMES;
    const fadeTo = this.playing && this.jump === null ? 1 : 0;
    const fade0 = this.fade;
    for (let track = 0; track < this.tracks; track += 1) {
      const planes = this.chunks[track]?.get(index);
      let gain = this.gains[track] ?? 0;
      const wanted = this.wanted[track] ?? 0;
      if (!planes || (gain === 0 && wanted === 0)) continue;
      const one = planes[0] as Float32Array;
      const two = planes[1] ?? one;
      let fade = fade0;
      let level = 0;
      for (let i = 0; i < count; i += 1) {
        gain = toward(gain, wanted, this.glide);
        fade = toward(fade, fadeTo, this.glide);
        const a = (one[offset + i] ?? 0) * gain * fade;
        const b = (two[offset + i] ?? 0) * gain * fade;
        left[at + i] = (left[at + i] ?? 0) + a;
        right[at + i] = (right[at + i] ?? 0) + b;
        level = Math.max(level, Math.abs(a), Math.abs(b));
      }
      this.gains[track] = gain;
      this.levels[track] = Math.max(this.levels[track] ?? 0, level);
    }
    for (let i = 0; i < count; i += 1) this.fade = toward(this.fade, fadeTo, this.glide);
  }
}

const toward = (value: number, goal: number, step: number): number =>
  value < goal ? Math.min(goal, value + step) : Math.max(goal, value - step);

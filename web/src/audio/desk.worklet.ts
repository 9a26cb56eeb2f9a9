import { Mixer, type Order } from "./mixer";

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, kind: unknown): void;
declare const sampleRate: number;

const TOLD_EVERY = 4;

class DeskProcessor extends AudioWorkletProcessor {
  private readonly mixer: Mixer;
  private blocks = 0;
  private levels: number[];

  constructor(options: { processorOptions: { tracks: number; frames: number } }) {
    super();
    const { tracks, frames } = options.processorOptions;
    this.mixer = new Mixer(tracks, frames, sampleRate);
    this.levels = new Array<number>(tracks).fill(0);
    this.port.onmessage = (message: MessageEvent<Order>) => this.take(message.data);
  }

  private take(order: Order): void {
    const freed = this.mixer.take(order);
    if (freed.length) this.port.postMessage({ freed }, freed.map((plane) => plane.buffer));
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const [left, right] = outputs[0] as [Float32Array, Float32Array];
    this.mixer.fill(left, right);
    this.levels = this.levels.map((level, track) => Math.max(level, this.mixer.levels[track] ?? 0));
    this.blocks += 1;
    if (this.blocks % TOLD_EVERY === 0) this.tell();
    return true;
  }

  private tell(): void {
    this.port.postMessage(this.mixer.tell(this.levels));
    this.levels = this.levels.map(() => 0);
  }
}

registerProcessor("desk", DeskProcessor);

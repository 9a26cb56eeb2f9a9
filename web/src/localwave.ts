import { fromBlob, readFormat, readFrames } from "./audio/wav";
import { local } from "./uploads";

/** What a dropped file looks like: columns of lowest and highest sample, and where it clips. */
export interface Look {
  low: number[];
  high: number[];
  frames: number;
  /** Stretches of flat tops, in frames. */
  clipped: Array<[number, number]>;
}

const KEPT = "stemwright.looks";
const COLUMNS = 600;
const BLOCK = 1 << 18;
const FLAT = 3;
const LOUD = 0.02;
/** Flat tops nearer to each other than this are one stretch. */
const TOGETHER_S = 0.05;
const MOST_DECODED_BYTES = 100_000_000;
const DECODED_HZ = 48_000;

const bare = (name: string): string => name.replace(/\.[^.]+$/, "");

/** The file that a report's name means, as far as it was dropped on this page. */
export const fileOf = (name: string): File | undefined =>
  [...local.entries()].find(([key]) => key === name || bare(key) === name)?.[1];

/** Look at a file; after a reload, at what was kept of it. */
export async function lookAt(session: string, name: string): Promise<Look | null> {
  const file = fileOf(name);
  if (!file) return kept(session)[name] ?? null;
  const found = await (file.size && (await isWav(file)) ? ofWav(file) : ofOther(file));
  if (found) keep(session, name, found);
  return found;
}

const isWav = async (file: File): Promise<boolean> => /^(RIFF|RF64)$/.test(await file.slice(0, 4).text());

async function ofWav(file: File): Promise<Look> {
  const read = fromBlob(file);
  const format = await readFormat(read);
  const look = new Drawing(format.frames, format.sampleRate);
  for (let start = 0; start < format.frames; start += BLOCK) look.add(await readFrames(read, format, start, BLOCK), start);
  return look.done();
}

/** FLAC, MP3 and what else the browser reads; the rest stays a plain line. */
async function ofOther(file: File): Promise<Look | null> {
  if (file.size > MOST_DECODED_BYTES) return null;
  try {
    const context = new OfflineAudioContext(1, 1, DECODED_HZ);
    const audio = await context.decodeAudioData(await file.arrayBuffer());
    const look = new Drawing(audio.length, DECODED_HZ);
    look.add(Array.from({ length: Math.min(2, audio.numberOfChannels) }, (_, i) => audio.getChannelData(i)), 0);
    return look.done();
  } catch {
    return null;
  }
}

class Drawing {
  private readonly low = new Array<number>(COLUMNS).fill(0);
  private readonly high = new Array<number>(COLUMNS).fill(0);
  private readonly tops: number[] = [];
  private readonly perColumn: number;
  private peak = 0;

  constructor(
    private readonly frames: number,
    private readonly sampleRate: number,
  ) {
    this.perColumn = Math.max(1, Math.ceil(frames / COLUMNS));
  }

  add(planes: Float32Array[], start: number): void {
    for (const plane of planes) {
      let run = 0;
      for (let i = 0; i < plane.length; i += 1) {
        const value = plane[i] as number;
        const column = Math.floor((start + i) / this.perColumn);
        if (value < (this.low[column] as number)) this.low[column] = value;
        if (value > (this.high[column] as number)) this.high[column] = value;
        run = value === plane[i - 1] && Math.abs(value) > LOUD ? run + 1 : 1;
        if (run === FLAT) this.top(start + i - FLAT + 1, Math.abs(value));
      }
    }
  }

  /** Only the highest value is a ceiling: a lower plateau is part of the sound. */
  private top(frame: number, value: number): void {
    if (value > this.peak * 1.001) [this.peak, this.tops.length] = [value, 0];
    if (value >= this.peak * 0.999) this.tops.push(frame);
  }

  done(): Look {
    const together = TOGETHER_S * this.sampleRate;
    const clipped: Array<[number, number]> = [];
    for (const frame of this.tops.sort((a, b) => a - b)) {
      const last = clipped[clipped.length - 1];
      if (last && frame - last[1] < together) last[1] = frame + FLAT;
      else clipped.push([frame, frame + FLAT]);
    }
    return { low: this.low, high: this.high, frames: this.frames, clipped };
  }
}

// ── kept over a reload ───────────────────────────────────────────────────────────────────────────────────────────

const MOST_STRETCHES = 40;
const short = (values: number[]): number[] => values.map((value) => Math.round(value * 100) / 100);

function kept(session: string): Record<string, Look> {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as { session?: string; looks?: Record<string, Look> };
    return found.session === session ? (found.looks ?? {}) : {};
  } catch {
    return {};
  }
}

function keep(session: string, name: string, look: Look): void {
  const one = { ...look, low: short(look.low), high: short(look.high), clipped: look.clipped.slice(0, MOST_STRETCHES) };
  try {
    localStorage.setItem(KEPT, JSON.stringify({ session, looks: { ...kept(session), [name]: one } }));
  } catch {
    // no room left for it: after a reload the line stays plain
  }
}

import { readFrames, type Plane, type ReadRange, type WavFormat } from "./wav";

/** A stretch of a track, in frames, at another place than it has, and how much louder. */
export interface Splice {
  from: number;
  to: number;
  at: number;
  gain: number;
}

const SEAM_S = 0.003;

interface Source {
  read: ReadRange;
  format: WavFormat;
  splices: Splice[] | null;
}

/** Read some frames of a track as it was put together: seams are short fades, what is not there is silence. */
export async function spliced({ read, format, splices }: Source, start: number, count: number, stop: AbortSignal, plane: Plane): Promise<Float32Array[]> {
  if (!splices) return readFrames(read, format, start, count, stop, plane);
  const planes = Array.from({ length: Math.min(2, format.channels) }, () => plane(count).fill(0));
  const seam = Math.round(SEAM_S * format.sampleRate);
  const touched = splices.filter((one) => one.gain > 0 && one.at < start + count && one.at + one.to - one.from > start);
  for (const one of touched) {
    const end = one.at + one.to - one.from;
    const [first, last] = [Math.max(one.at, start), Math.min(end, start + count)];
    const found = await readFrames(read, format, one.from + first - one.at, last - first, stop);
    found.forEach((plane, channel) => {
      const into = planes[channel] as Float32Array;
      for (let i = 0; i < plane.length; i += 1) {
        const edge = Math.min(first + i - one.at, end - 1 - first - i) / seam;
        into[first - start + i] = (plane[i] ?? 0) * one.gain * Math.min(1, edge);
      }
    });
  }
  return planes;
}

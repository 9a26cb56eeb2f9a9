/** Where bytes come from: a range of a file over HTTP, or of a file that was dropped here. */
export type ReadRange = (start: number, end: number, stop?: AbortSignal) => Promise<ArrayBuffer>;

/** Where samples come to lie: memory for at least so many frames. */
export type Plane = (frames: number) => Float32Array;

export interface WavFormat {
  sampleRate: number;
  channels: number;
  frames: number;
  isFloat: boolean;
  bytesPerSample: number;
  dataStart: number;
}

const HEAD_BYTES = 4_096;
const EXTENSIBLE = 0xfffe;
const FLOAT = 3;

export const overHttp =
  (url: string): ReadRange =>
  async (start, end, stop) => {
    const answer = await fetch(url, { headers: { range: `bytes=${start}-${end - 1}` }, ...(stop && { signal: stop }) });
    if (answer.status === 206) return answer.arrayBuffer();
    if (!answer.ok) throw new Error(`The audio is not there (${answer.status}).`);
    return (await answer.arrayBuffer()).slice(start, end);
  };

export const fromBlob =
  (blob: Blob): ReadRange =>
  (start, end) =>
    blob.slice(start, end).arrayBuffer();

const tag = (view: DataView, at: number): string =>
  String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));

/** Read the header of a WAV file, RF64 included: sizes beyond 4 GB stand in its ds64 chunk. */
export async function readFormat(read: ReadRange): Promise<WavFormat> {
  const view = new DataView(await read(0, HEAD_BYTES));
  if (view.byteLength < 44 || !["RIFF", "RF64"].includes(tag(view, 0))) throw new Error("This is no WAV file.");
  let format: Omit<WavFormat, "frames" | "dataStart"> | null = null;
  let longBytes = 0;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const [name, size] = [tag(view, at), view.getUint32(at + 4, true)];
    if (name === "ds64") longBytes = Number(view.getBigUint64(at + 16, true));
    if (name === "fmt ") format = readFmt(view, at + 8);
    if (name === "data" && format) {
      const bytes = size === 0xffffffff ? longBytes : size;
      return { ...format, dataStart: at + 8, frames: Math.floor(bytes / (format.channels * format.bytesPerSample)) };
    }
    at += 8 + size + (size % 2);
  }
  throw new Error("The head of this WAV file is too long.");
}

function readFmt(view: DataView, at: number): Omit<WavFormat, "frames" | "dataStart"> {
  const code = view.getUint16(at, true);
  const kind = code === EXTENSIBLE ? view.getUint16(at + 24, true) : code;
  return {
    isFloat: kind === FLOAT,
    channels: view.getUint16(at + 2, true),
    sampleRate: view.getUint32(at + 4, true),
    bytesPerSample: view.getUint16(at + 14, true) / 8,
  };
}

/** Read some frames as planar floats, into planes that may be longer; a file of one channel sounds on both sides. */
export async function readFrames(
  read: ReadRange,
  format: WavFormat,
  start: number,
  count: number,
  stop?: AbortSignal,
  plane: Plane = (length) => new Float32Array(length),
): Promise<Float32Array[]> {
  const frames = Math.max(0, Math.min(count, format.frames - start));
  const stride = format.channels * format.bytesPerSample;
  const from = format.dataStart + start * stride;
  const view = new DataView(frames ? await read(from, from + frames * stride, stop) : new ArrayBuffer(0));
  const sample = reader(view, format);
  const planes = Array.from({ length: Math.min(2, format.channels) }, () => plane(frames));
  planes.forEach((into, channel) => {
    for (let i = 0; i < frames; i += 1) into[i] = sample(i * stride + channel * format.bytesPerSample);
    into.fill(0, frames);
  });
  return planes;
}

function reader(view: DataView, format: WavFormat): (at: number) => number {
  if (format.isFloat && format.bytesPerSample === 8) return (at) => view.getFloat64(at, true);
  if (format.isFloat) return (at) => view.getFloat32(at, true);
  if (format.bytesPerSample === 4) return (at) => view.getInt32(at, true) / 2 ** 31;
  if (format.bytesPerSample === 3) return (at) => (view.getUint8(at) | (view.getInt16(at + 1, true) << 8)) / 2 ** 23;
  return (at) => view.getInt16(at, true) / 2 ** 15;
}

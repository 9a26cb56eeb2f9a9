import { useEffect, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";

export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draw again when light turns dark. */
export function onScheme(draw: () => void): () => void {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", draw);
  return () => dark.removeEventListener("change", draw);
}

interface SongWaveProps {
  file: File | null;
  peaks: number[];
  durationS: number;
  tint: string;
  label: string;
  drawn: (peaks: number[], durationS: number) => void;
}

const KEPT_COLUMNS = 400;
const SHORT = 1_000;

/** A song as it was dropped: drawn at once by the browser, played by a click. */
export function SongWave({ file, peaks, durationS, tint, label, drawn }: SongWaveProps) {
  const box = useRef<HTMLDivElement>(null);
  const player = useRef<WaveSurfer | null>(null);
  useEffect(() => {
    if (!box.current) return undefined;
    const wave = WaveSurfer.create({
      container: box.current,
      height: 72,
      barWidth: 2,
      barGap: 1,
      barRadius: 1,
      normalize: true,
      cursorWidth: 1,
      waveColor: colour(tint),
      progressColor: colour("--ink"),
      cursorColor: colour("--ink"),
    });
    player.current = wave;
    const off = onScheme(() =>
      wave.setOptions({ waveColor: colour(tint), progressColor: colour("--ink"), cursorColor: colour("--ink") }),
    );
    wave.on("decode", (duration) => {
      const columns = wave.exportPeaks({ channels: 1, maxLength: KEPT_COLUMNS })[0] ?? [];
      if (file) drawn(columns.map((value) => Math.round(value * SHORT) / SHORT), duration);
    });
    // what the browser can't decode, the service may: it is only not drawn
    const loading = file ? wave.loadBlob(file) : wave.load("", [peaks.length ? peaks : [0, 0]], durationS || 1);
    loading.catch(() => undefined);
    return () => {
      off();
      player.current = null;
      wave.destroy();
    };
  }, [file, file ? "" : peaks]);
  return (
    <div class="song-wave">
      <div ref={box} aria-hidden="true" />
      {file && (
        <button type="button" class="quiet small" aria-label={`Listen to ${label}`} onClick={() => void player.current?.playPause()}>
          Listen
        </button>
      )}
    </div>
  );
}

interface LaneProps {
  low: number[];
  high: number[];
  tint: string;
  scale?: number;
}

/** A lane's waveform on a canvas, as wide as it happens to be. */
export function Lane({ low, high, tint, scale = 1 }: LaneProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const draw = (): void => paint(element, low, high, colour(tint), scale);
    const watcher = new ResizeObserver(draw);
    watcher.observe(element);
    const off = onScheme(draw);
    return () => {
      watcher.disconnect();
      off();
    };
  }, [low, high, tint, scale]);
  return <canvas ref={canvas} class="lane-wave" aria-hidden="true" />;
}

function paint(element: HTMLCanvasElement, low: number[], high: number[], fill: string, scale: number): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(element.clientWidth * ratio), Math.round(element.clientHeight * ratio)];
  if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
  const context = element.getContext("2d");
  if (!context || !low.length) return;
  context.clearRect(0, 0, width, height);
  context.fillStyle = fill;
  const middle = height / 2;
  for (let x = 0; x < width; x += 1) {
    const from = Math.floor((x / width) * low.length);
    const to = Math.max(from + 1, Math.floor(((x + 1) / width) * low.length));
    const top = Math.min(1, Math.max(...high.slice(from, to)) * scale);
    const bottom = Math.max(-1, Math.min(...low.slice(from, to)) * scale);
    context.fillRect(x, middle - top * middle, 1, Math.max(1, (top - bottom) * middle));
  }
}

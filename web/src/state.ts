import { batch, computed, effect, signal, type Signal } from "@preact/signals";
import { api, type Analysis, type RemixRequest, type SessionCard } from "./client/api";
import { Refused, STILL_AT_IT } from "./client/call";
import { upload } from "./client/upload";
import { unzip } from "./unzip";

export type Side = "a" | "b";
export const SIDES: Side[] = ["a", "b"];

/** One of the two songs, as far as it has come. */
export interface Song {
  name: string;
  sha256: string | null;
  durationS: number | null;
  sent: number;
  trouble: string;
  peaks: number[];
  tempoFactor: number;
  /** Given stems by their names; then `sha256` stands for all of them together. */
  stems?: Record<string, string>;
  /** The song itself, where it came with its stems. */
  mix?: string | null;
}

export interface Route {
  view: "remix" | "produce" | "verify" | "session" | "sessions";
  session: string;
}

const KEPT = "stemwright.songs";
const PROMPT = "stemwright.prompt";
const HEARD = "stemwright.heard";

const routeOf = (hash: string): Route => {
  const [, view = "", session = ""] = /^#\/(\w+)(?:\/([\w-]+))?/.exec(hash) ?? [];
  if (view === "session" && session) return { view: "session", session };
  if (view === "produce" || view === "verify" || view === "sessions") return { view, session: "" };
  return { view: "remix", session: "" };
};

export const route = signal<Route>(routeOf(location.hash));
window.addEventListener("hashchange", () => (route.value = routeOf(location.hash)));

export const go = (hash: string): void => {
  location.hash = hash;
};

// ── the songs ────────────────────────────────────────────────────────────────────────────────────────────────────

function remembered(): Record<Side, Song | null> {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Record<Side, Song>>;
    return { a: found.a ?? null, b: found.b ?? null };
  } catch {
    return { a: null, b: null };
  }
}

const kept = remembered();
export const songs: Record<Side, Signal<Song | null>> = { a: signal(kept.a), b: signal(kept.b) };
export const files: Record<Side, Signal<File | null>> = { a: signal(null), b: signal(null) };
export const prompt = signal(localStorage.getItem(PROMPT) ?? "");
export const bothThere = computed(() => SIDES.every((side) => songs[side].value?.sha256));

effect(() => {
  const there = SIDES.map((side) => [side, songs[side].value] as const).filter(([, song]) => song?.sha256);
  localStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(there)));
  localStorage.setItem(PROMPT, prompt.value);
});

const sending: Partial<Record<Side, AbortController>> = {};

export function change(side: Side, values: Partial<Song>): void {
  const song = songs[side].peek();
  if (song) songs[side].value = { ...song, ...values };
}

/** Take a song: it is sent at once, while the other one and the sentence are still to come. */
export async function takeSong(side: Side, file: File): Promise<void> {
  sending[side]?.abort();
  const stop = (sending[side] = new AbortController());
  batch(() => {
    files[side].value = file;
    songs[side].value = { name: file.name, sha256: null, durationS: null, sent: 0, trouble: "", peaks: [], tempoFactor: 1 };
  });
  const mine = (values: Partial<Song>): void => {
    if (sending[side] === stop) change(side, values);
  };
  try {
    await ready;
    const found = await upload(file, file.name, (sent) => mine({ sent }), stop.signal);
    mine({ sha256: found.sha256, durationS: found.duration_s, sent: 1 });
  } catch (error) {
    mine({ trouble: sentence(error) });
  }
}

const STEM = /voc|voice|vox|sing|drum|perc|beat|bass|other|instr|guitar|gtr|keys|piano|synth|string|brass|pad|lead/i;
const MIX = /(^|[\W_])(mix|master|full|song)([\W_]|$)/i;
const SOUND = /\.(wav|wave|flac|aiff?|mp3|m4a|aac|ogg|oga|opus)$/i;
const bare = (name: string): string => name.replace(/\.[^.]+$/, "");

/** Take what was dropped on a deck: a song, its stems (files, a folder, a zip), or two songs, one for each deck. */
export async function takeFiles(side: Side, taken: File[]): Promise<void> {
  const found: File[] = [];
  for (const file of taken) {
    try {
      found.push(...(/\.zip$/i.test(file.name) ? await unzip(file) : [file]));
    } catch {
      found.push(file); // the service says what is wrong with it
    }
  }
  const sounds = found.filter((file) => SOUND.test(file.name) && !file.name.startsWith("."));
  const stems = sounds.filter((file) => STEM.test(bare(file.name)));
  const [first = found[0], second] = sounds;
  if (stems.length > 1 || sounds.length > 2) await takeStems(side, sounds);
  else if (first) await Promise.all([takeSong(side, first), ...(second ? [takeSong(side === "a" ? "b" : "a", second)] : [])]);
}

/** Take a song's stems: nothing has to be taken apart then. */
async function takeStems(side: Side, taken: File[]): Promise<void> {
  sending[side]?.abort();
  const stop = (sending[side] = new AbortController());
  const whole = taken.find((file) => MIX.test(bare(file.name)) && !STEM.test(bare(file.name)));
  const stems = taken.filter((file) => file !== whole);
  const drawn = whole ?? stems.reduce((most, file) => (file.size > most.size ? file : most));
  const name = `${stems.length} stems: ${stems.map((file) => bare(file.name)).join(", ")}`;
  batch(() => {
    files[side].value = drawn;
    songs[side].value = { name, sha256: null, durationS: null, sent: 0, trouble: "", peaks: [], tempoFactor: 1 };
  });
  const mine = (values: Partial<Song>): void => {
    if (sending[side] === stop) change(side, values);
  };
  try {
    await ready;
    const shas: Record<string, string> = {};
    let durationS: number | null = null;
    for (const [i, file] of taken.entries()) {
      const found = await upload(file, file.name, (sent) => mine({ sent: (i + sent) / taken.length }), stop.signal);
      shas[file.name] = found.sha256;
      durationS = found.duration_s ?? durationS;
    }
    const mix = whole ? (shas[whole.name] ?? null) : null;
    if (whole) delete shas[whole.name];
    mine({ sha256: `stems ${Object.values(shas).join(" ")}`, stems: shas, mix, durationS, sent: 1 });
  } catch (error) {
    mine({ trouble: sentence(error) });
  }
}

/** Both songs as a request names them: each a file, its stems, or both. */
export function given(): Pick<RemixRequest, "song_a" | "song_b" | "stems_a" | "stems_b" | "known_a" | "known_b"> {
  const [a, b] = [songs.a.peek(), songs.b.peek()];
  const song = (one: Song | null): string | null => (one?.stems ? (one.mix ?? null) : (one?.sha256 ?? null));
  const all = { song_a: song(a), song_b: song(b), stems_a: a?.stems ?? null, stems_b: b?.stems ?? null };
  return { ...Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)), known_a: known("a"), known_b: known("b") };
}

export function dropSong(side: Side): void {
  sending[side]?.abort();
  delete sending[side];
  batch(() => {
    songs[side].value = null;
    files[side].value = null;
  });
}

export const swapSongs = (): void =>
  batch(() => {
    const [a, b, fileA, fileB] = [songs.a.peek(), songs.b.peek(), files.a.peek(), files.b.peek()];
    [songs.a.value, songs.b.value, files.a.value, files.b.value] = [b, a, fileB, fileA];
  });

// ── what is in them ──────────────────────────────────────────────────────────────────────────────────────────────

export interface Hearing {
  state: "idle" | "listening" | "found" | "failed";
  found: Analysis | null;
  words: string;
}

const IDLE: Hearing = { state: "idle", found: null, words: "" };
export const hearing = signal<Hearing>(IDLE);
const MOST_TRIES = 12;
const asked = computed(() =>
  JSON.stringify(SIDES.map((side) => [songs[side].value?.sha256 ?? null, songs[side].value?.tempoFactor ?? 1])),
);

effect(() => {
  void listen(asked.value);
});

export const known = (side: Side): { tempo_factor: number } | null => {
  const factor = songs[side].peek()?.tempoFactor ?? 1;
  return factor === 1 ? null : { tempo_factor: factor };
};

/** What was heard before a reload; the same question needs no second job. */
function heardBefore(question: string): Analysis | null {
  try {
    const kept = JSON.parse(localStorage.getItem(HEARD) ?? "null") as { question: string; found: Analysis } | null;
    return kept?.question === question ? kept.found : null;
  } catch {
    return null;
  }
}

function remember(question: string, found: Analysis): Analysis {
  const short: Analysis = { ...found, song_a: { ...found.song_a, facts: {} }, song_b: { ...found.song_b, facts: {} } };
  localStorage.setItem(HEARD, JSON.stringify({ question, found: short }));
  return short;
}

/** Analysis starts by itself when both songs are there; a slow one is asked for again. */
async function listen(question: string): Promise<void> {
  const [a, b] = SIDES.map((side) => songs[side].peek()?.sha256);
  if (!a || !b) {
    hearing.value = IDLE;
    return;
  }
  const before = heardBefore(question);
  if (before) {
    hearing.value = { state: "found", found: before, words: "" };
    return;
  }
  hearing.value = { state: "listening", found: null, words: "Listening to both songs…" };
  const tell = (value: Hearing): void => {
    if (asked.peek() === question) hearing.value = value;
  };
  await ready;
  for (let tries = 0; tries < MOST_TRIES && asked.peek() === question; tries += 1) {
    try {
      const found = await api.analyze(given());
      tell({ state: "found", found: remember(question, found), words: "" });
      return;
    } catch (error) {
      if (error instanceof Refused && error.status === STILL_AT_IT) {
        tell({ state: "listening", found: null, words: "Still listening; these are long songs. You can start meanwhile." });
        continue;
      }
      tell({ state: "failed", found: null, words: sentence(error) });
      return;
    }
  }
}

// ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────

export const sessions = signal<SessionCard[]>([]);

export async function refreshSessions(): Promise<void> {
  const found = await api.listSessions();
  sessions.value = found.sessions.filter((one) => one.kind !== "analyze");
}

/** The first question: it brings the cookie that everything else needs. */
export let ready: Promise<void> = refreshSessions().catch(() => undefined);

export const askAgain = (): Promise<void> => (ready = refreshSessions().catch(() => undefined));

export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

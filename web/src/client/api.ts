// Written by web/make_client.py from the service's OpenAPI; do not edit.
import { call, part, search } from "./call";

export interface Analysis {
  song_a: SongAnswer;
  song_b: SongAnswer;
  compatibility: CompatibilityAnswer;
}

export interface AnalyzeRequest {
  song_a: string;
  song_b: string;
  known_a?: Known | null;
  known_b?: Known | null;
}

export interface Clause {
  kind: ClauseKind;
  /** The words of the prompt, or what they mean, for the report. */
  text: string;
  stem?: SongStem | null;
  song?: SongId | null;
  section?: Label | null;
  value?: number | null;
  key?: string | null;
}

export type ClauseKind = "vocals_from" | "stem_from" | "without" | "only" | "present" | "louder" | "quieter" | "has_section" | "starts_with" | "ends_with" | "length_at_least_s" | "length_at_most_s" | "tempo_bpm" | "faster_than_bpm" | "slower_than_bpm" | "key" | "key_kept";

export interface CompatibilityAnswer {
  level: "great" | "good" | "challenging" | "tough";
  message: string;
  detail: string;
}

export interface Cue {
  /** Beat of the song, counted from its first downbeat; best a multiple of its bar. */
  source_beat: number;
  /** Repeat this many beats until the section ends; afterwards the playhead goes on behind the phrase. */
  loop_beats?: number | null;
}

export interface Health {
  status?: "ok";
}

export type KeySource = "song_a" | "song_b" | "target" | "none";

export interface Known {
  bpm?: number | null;
  tempo_factor?: number | null;
  first_downbeat_s?: number | null;
  /** "A minor". */
  key?: string | null;
}

export type Label = "intro" | "verse" | "chorus" | "build" | "main" | "breakdown" | "drop" | "bridge" | "outro";

export interface Place {
  ahead: number;
  starts_in_s: number | null;
}

export interface PlanSection {
  label: Label;
  start_beat: number;
  /** End exclusive, in beats of the remix. */
  end_beat: number;
  /** Every stem that both songs' separation knows; gain 0 is silence. */
  stems: Partial<Record<SongStem, StemUse>>;
  transition_in?: Transition;
  /** Length of the fade or crossfade, counted from the section's start; a cut takes none. */
  transition_beats?: number;
  /** Where a song's playhead jumps to; a song without a cue goes on where it is. */
  cues?: Partial<Record<SongId, Cue>>;
}

export interface Problem {
  /** One sentence for people. */
  detail: string;
}

export interface ProduceRequest {
  /** The TOML of the spec; it can name only `files`. */
  spec: string;
  /** Uploaded files by the names that the spec calls them. */
  files?: Record<string, string>;
  seed?: number | null;
}

export interface ProgressEvent {
  step: "queued" | "separating" | "analyzing" | "interpreting" | "processing" | "rendering" | "complete" | "error";
  /** In plain words. */
  detail: string;
  progress: number;
  explanation?: string | null;
  warnings?: Array<string> | null;
  used_fallback?: boolean | null;
  /** What happened: queued, step_started, progress, step_finished, notice, planned, … */
  type: string;
  /** From 1 without a gap; the event's id. */
  number: number;
  /** What belongs to the type; see docs/service.md. */
  data?: Record<string, unknown>;
}

export interface RefineRequest {
  prompt?: string | null;
  undo?: boolean;
  planner?: "auto" | "offline" | "llm";
}

export interface RemixPlan {
  schema_version?: 1;
  /** Both songs by content. */
  songs: Partial<Record<SongId, SourceSong>>;
  /** Whose voice leads; stems come from the other song unless a section says otherwise. */
  vocal_source: SongId;
  /** Part of the vocal song, in its own time. */
  vocal_window: Window;
  /** Part of the other song, in its own time. */
  instrumental_window: Window;
  tempo_source: TempoSource;
  target_bpm?: number | null;
  key_source: KeySource;
  /** "A minor"; only with key_source "target". */
  target_key?: string | null;
  /** Moves both songs together, after they were matched. */
  transpose_semitones?: number;
  sections: Array<PlanSection>;
  /** How far the middle of the instruments steps back where the lead voice sings. */
  ducking_db?: number;
  /** Added to the level that matching finds for the voice. */
  vocal_level_db?: number;
  /** Whether two lead voices may sing at once. */
  both_voices?: boolean;
  /** Two or three sentences for the person who asked. */
  explanation: string;
  /** What could not be done, and why. */
  warnings?: Array<string>;
  /** What will be measured. */
  clauses?: Array<Clause>;
  /** Whether another planner than the one asked for made it. */
  used_fallback?: boolean;
  seed?: number;
}

export interface RemixRequest {
  song_a: string;
  song_b: string;
  known_a?: Known | null;
  known_b?: Known | null;
  prompt: string;
  separator?: "builtin" | "demucs" | "audio-separator";
  planner?: "auto" | "offline" | "llm";
  seed?: number;
}

export interface SessionAnswer {
  /** Unguessable; follow it at /api/remix/{session_id}/progress. */
  session_id: string;
}

export interface SessionCard {
  session_id: string;
  kind: string;
  state: "queued" | "running" | "complete" | "error" | "cancelled";
  progress: number;
  title: string;
  /** Unix time. */
  created_s: number;
  changed_s: number;
  parent?: string | null;
  place?: Place | null;
  /** Unix time; none on one's own machine. */
  expires_s?: number | null;
}

export interface SessionList {
  sessions: Array<SessionCard>;
}

export interface SignIn {
  token: string;
}

export interface SongAnswer {
  bpm: number;
  key: string;
  scale: string;
  title?: string;
  /** Everything else; see docs/analysis.md. */
  facts?: Record<string, unknown>;
}

export type SongId = "song_a" | "song_b";

export type SongStem = "vocals" | "drums" | "bass" | "other" | "guitars" | "keys";

export interface SourceSong {
  /** Of the file as given: renaming it changes nothing. */
  sha256: string;
}

export interface StatusAnswer {
  session_id: string;
  kind: string;
  state: "queued" | "running" | "complete" | "error" | "cancelled";
  progress: number;
  title: string;
  /** Unix time. */
  created_s: number;
  changed_s: number;
  parent?: string | null;
  place?: Place | null;
  /** Unix time; none on one's own machine. */
  expires_s?: number | null;
  status: "processing" | "complete" | "error";
  detail: string;
  explanation: string;
  warnings: Array<string>;
  used_fallback: boolean;
  /** Names of what came out. */
  outputs?: Array<string>;
  /** passed, warning or failed. */
  report_status?: string | null;
}

export interface StemUse {
  /** Linear, 0 to 1. */
  gain: number;
  /** Whose stem it is; "both" plays the two together, on the beat. */
  song: "song_a" | "song_b" | "both";
}

export type TempoSource = "song_a" | "song_b" | "average" | "target";

export type Transition = "fade" | "crossfade" | "cut";

export interface UploadAnswer {
  sha256: string;
  name: string;
  bytes: number;
  /** By content. */
  container: string;
  channels: number;
  sample_rate: number;
  duration_s: number | null;
}

export interface VerifyRequest {
  /** Uploaded files by their names. */
  files: Record<string, string>;
  /** The mix that they belong to. */
  mix?: string | null;
  /** Delivery rules to be asked as well. */
  preset?: string | null;
}

export interface Waveform {
  name: string;
  frames: number;
  sample_rate: number;
  frames_per_column: number;
  min: Array<number>;
  max: Array<number>;
  rms: Array<number>;
}

export interface Window {
  start_s: number;
  end_s: number;
}

export const api = {
  remix: (body: RemixRequest): Promise<SessionAnswer> =>
    call("POST", `/api/remix`, body),
  analyze: (body: AnalyzeRequest): Promise<Analysis> =>
    call("POST", `/api/analyze`, body),
  upload: (name: string): string => `/api/uploads/${part(name)}`,
  produce: (body: ProduceRequest): Promise<SessionAnswer> =>
    call("POST", `/api/produce`, body),
  verify: (body: VerifyRequest): Promise<SessionAnswer> =>
    call("POST", `/api/verify`, body),
  signInWithToken: (body: SignIn): Promise<Health> =>
    call("POST", `/api/sign-in`, body),
  listSessions: (): Promise<SessionList> =>
    call("GET", `/api/sessions`),
  progress: (sessionId: string): string => `/api/remix/${part(sessionId)}/progress`,
  status: (sessionId: string): Promise<StatusAnswer> =>
    call("GET", `/api/remix/${part(sessionId)}/status`),
  audio: (sessionId: string): string => `/api/remix/${part(sessionId)}/audio`,
  stem: (sessionId: string, name: string): string => `/api/remix/${part(sessionId)}/stems/${part(name)}`,
  file: (sessionId: string, name: string): string => `/api/remix/${part(sessionId)}/files/${part(name)}`,
  peaks: (sessionId: string, query: { name?: string | null; columns?: number } = {}): Promise<Waveform> =>
    call("GET", `/api/remix/${part(sessionId)}/peaks${search(query)}`),
  report: (sessionId: string): Promise<Record<string, unknown>> =>
    call("GET", `/api/remix/${part(sessionId)}/report`),
  download: (sessionId: string): string => `/api/remix/${part(sessionId)}/download`,
  plan: (sessionId: string): Promise<RemixPlan> =>
    call("GET", `/api/remix/${part(sessionId)}/plan`),
  renderPlan: (sessionId: string, body: RemixPlan): Promise<SessionAnswer> =>
    call("PUT", `/api/remix/${part(sessionId)}/plan`, body),
  refine: (sessionId: string, body: RefineRequest): Promise<SessionAnswer> =>
    call("POST", `/api/remix/${part(sessionId)}/refine`, body),
  remove: (sessionId: string): Promise<Record<string, "cancelled" | "erased">> =>
    call("DELETE", `/api/remix/${part(sessionId)}`),
};

// Written by web/make_client.py from docs/openapi.v1.json; do not edit.
import { call, part, search } from "./call";

export interface AlignRequest {
  /** Tempo of the file: loops are then cut on bars. */
  bpm?: string | null;
  crossfade_s?: number | null;
  file: string;
  /** Seconds (137.7) or frames (6609600f). */
  length?: string | null;
  meter?: string;
  /** What the stem is; read from its name without. */
  role?: string | null;
  seamless?: boolean;
  strategy?: "auto" | "pad" | "loop" | "crossfade" | "truncate";
  subtype?: "FLOAT" | "PCM_24" | "PCM_16";
  /** An uploaded file to be as long as, instead. */
  to?: string | null;
}

export interface Analysis {
  compatibility: CompatibilityAnswer;
  song_a: SongAnswer;
  song_b: SongAnswer;
}

export interface AnalyzeRequest {
  /** Who tracks the beats: builtin, essentia where it is installed, or the name of a plug-in. */
  engine?: string;
  known_a?: Known | null;
  known_b?: Known | null;
  /** Take songs apart first: the voice is only known then. */
  separate?: boolean;
  /** Who takes songs apart whose stems are not given. */
  separator?: "builtin" | "demucs" | "audio-separator";
  song_a?: string | null;
  song_b?: string | null;
  /** Uploaded files by their names, which say what each is; or one zip of them. */
  stems_a?: Record<string, string> | null;
  stems_b?: Record<string, string> | null;
}

export interface CheckAnswer {
  advice: string;
  limit: string;
  measured: number | string | boolean | null;
  name: string;
  /** None reads *not checked*. */
  passed: boolean | null;
  severity: "error" | "warning";
  subject: string;
  unit: string;
}

export interface Clause {
  key?: string | null;
  kind: ClauseKind;
  section?: Label | null;
  song?: SongId | null;
  stem?: SongStem | null;
  /** The words of the prompt, or what they mean, for the report. */
  text: string;
  value?: number | null;
}

export type ClauseKind = "vocals_from" | "stem_from" | "without" | "only" | "present" | "louder" | "quieter" | "has_section" | "starts_with" | "ends_with" | "length_at_least_s" | "length_at_most_s" | "tempo_bpm" | "faster_than_bpm" | "slower_than_bpm" | "key" | "key_kept";

export interface CompatibilityAnswer {
  detail: string;
  level: "great" | "good" | "challenging" | "tough";
  message: string;
}

export interface Cue {
  /** Repeat this many beats until the section ends; afterwards the playhead goes on behind the phrase. */
  loop_beats?: number | null;
  /** Beat of the song, counted from its first downbeat; best a multiple of its bar. */
  source_beat: number;
}

export interface EventData {
  /** Whether it was done before: step_finished. */
  cached?: boolean | null;
  /** How many were asked: step_finished. Those that failed: error. */
  checks?: number | Array<CheckAnswer> | null;
  /** Those that did not pass: step_finished. */
  failed?: Array<CheckAnswer> | null;
  /** What the step found, in plain sentences (tempo, key, phrases, loudness reached): step_finished. */
  found?: string | null;
  /** How far the step itself is, 0 to 1: progress. */
  fraction?: number | null;
  /** What went wrong: error. */
  message?: string | null;
  /** Of the step: step_started, progress, step_finished. */
  name?: string | null;
  /** Of the whole job, 0 to 1. */
  progress?: number | null;
  /** What a notice is about. */
  subject?: string | null;
  /** Of a notice. */
  text?: string | null;
}

export interface Health {
  status?: "ok";
}

export type KeySource = "song_a" | "song_b" | "target" | "none";

export interface Known {
  bpm?: number | null;
  first_downbeat_s?: number | null;
  /** "A minor". */
  key?: string | null;
  tempo_factor?: number | null;
}

export type Label = "intro" | "verse" | "chorus" | "build" | "main" | "breakdown" | "drop" | "bridge" | "outro";

export interface MasterRequest {
  /** How close. */
  amount?: number;
  /** −1 without. */
  ceiling_dbtp?: number | null;
  file: string;
  format?: ".wav" | ".flac" | ".mp3";
  /** −14 without. */
  loudness_lufs?: number | null;
  /** An uploaded record to come closer to, in loudness and spectrum. */
  match?: string | null;
  subtype?: "FLOAT" | "PCM_24" | "PCM_16";
}

export interface Place {
  ahead: number;
  starts_in_s: number | null;
}

export interface PlanSection {
  /** Where a song's playhead jumps to; a song without a cue goes on where it is. */
  cues?: Partial<Record<SongId, Cue>>;
  /** End exclusive, in beats of the remix. */
  end_beat: number;
  label: Label;
  start_beat: number;
  /** Every stem that both songs' separation knows; gain 0 is silence. */
  stems: Partial<Record<SongStem, StemUse>>;
  /** Length of the fade or crossfade, counted from the section's start; a cut takes none. */
  transition_beats?: number;
  transition_in?: Transition;
}

export interface PresetAnswer {
  name: string;
  rules: Array<PresetRule>;
  title: string;
}

export interface PresetList {
  presets: Array<PresetAnswer>;
}

export interface PresetRule {
  /** Nobody can measure it: it reads *not checked*. */
  by_hand: boolean;
  /** What is asked: "sample rate". */
  name: string;
  /** Of each stem, of the mix, or of all files together. */
  of: "stems" | "mix" | "set";
  severity: "error" | "warning";
  /** What has to be: "44100 Hz or more"; empty where the name says it. */
  wants: string;
  why: string;
}

export interface Problem {
  /** One sentence for people. */
  detail: string;
}

export interface ProduceRequest {
  /** Uploaded files by the names that the spec calls them. */
  files?: Record<string, string>;
  seed?: number | null;
  /** The TOML of the spec; it can name only `files`. */
  spec: string;
}

export interface ProgressEvent {
  /** What belongs to the type; see docs/service.md. */
  data?: EventData;
  /** In plain words. */
  detail: string;
  explanation?: string | null;
  /** From 1 without a gap; the event's id. */
  number: number;
  progress: number;
  step: "queued" | "separating" | "analyzing" | "interpreting" | "processing" | "rendering" | "complete" | "error";
  /** What happened: queued, step_started, progress, step_finished, notice, planned, … */
  type: string;
  used_fallback?: boolean | null;
  warnings?: Array<string> | null;
}

export interface RefineRequest {
  planner?: "auto" | "offline" | "llm";
  prompt?: string | null;
  undo?: boolean;
}

export interface RemixPlan {
  /** Whether two lead voices may sing at once. */
  both_voices?: boolean;
  /** What will be measured. */
  clauses?: Array<Clause>;
  /** How far the middle of the instruments steps back where the lead voice sings. */
  ducking_db?: number;
  /** Two or three sentences for the person who asked. */
  explanation: string;
  /** Part of the other song, in its own time. */
  instrumental_window: Window;
  key_source: KeySource;
  schema_version?: 1;
  sections: Array<PlanSection>;
  seed?: number;
  /** Both songs by content. */
  songs: Partial<Record<SongId, SourceSong>>;
  target_bpm?: number | null;
  /** "A minor"; only with key_source "target". */
  target_key?: string | null;
  tempo_source: TempoSource;
  /** Moves both songs together, after they were matched. */
  transpose_semitones?: number;
  /** Whether another planner than the one asked for made it. */
  used_fallback?: boolean;
  /** Added to the level that matching finds for the voice. */
  vocal_level_db?: number;
  /** Whose voice leads; stems come from the other song unless a section says otherwise. */
  vocal_source: SongId;
  /** Part of the vocal song, in its own time. */
  vocal_window: Window;
  /** What could not be done, and why. */
  warnings?: Array<string>;
}

export interface RemixRequest {
  /** Who tracks the beats: builtin, essentia where it is installed, or the name of a plug-in. */
  engine?: string;
  known_a?: Known | null;
  known_b?: Known | null;
  /** Render this plan instead of planning: the shape of GET /api/remix/{session_id}/plan. */
  plan?: Record<string, unknown> | null;
  /** Make the plan and render nothing: GET …/plan has it; edited, it may come back as `plan`. */
  plan_only?: boolean;
  planner?: "auto" | "offline" | "llm";
  /** What it should be like, in plain words; may be left out only where a plan is given. */
  prompt?: string;
  seed?: number;
  /** Who takes songs apart whose stems are not given. */
  separator?: "builtin" | "demucs" | "audio-separator";
  song_a?: string | null;
  song_b?: string | null;
  /** Uploaded files by their names, which say what each is; or one zip of them. */
  stems_a?: Record<string, string> | null;
  stems_b?: Record<string, string> | null;
}

export interface SessionAnswer {
  /** Unguessable; follow it at /api/remix/{session_id}/progress. */
  session_id: string;
}

export interface SessionCard {
  changed_s: number;
  /** Unix time. */
  created_s: number;
  /** Unix time; none on one's own machine. */
  expires_s?: number | null;
  kind: string;
  parent?: string | null;
  place?: Place | null;
  progress: number;
  session_id: string;
  state: "queued" | "running" | "complete" | "error" | "cancelled";
  title: string;
}

export interface SessionList {
  sessions: Array<SessionCard>;
}

export interface SignIn {
  token: string;
}

export interface SongAnswer {
  bpm: number;
  /** Everything else; see docs/analysis.md. */
  facts?: Record<string, unknown>;
  key: string;
  scale: string;
  title?: string;
}

export type SongId = "song_a" | "song_b";

export type SongStem = "vocals" | "drums" | "bass" | "other" | "guitars" | "keys";

export interface SourceSong {
  /** Of the file as given: renaming it changes nothing. */
  sha256: string;
}

export interface SpecAnswer {
  bpm: number;
  meter: string;
  sections: Array<SpecSection>;
  stems: Array<SpecStem>;
  title: string;
}

export interface SpecSection {
  beats: number;
  bpm: number;
  end_s: number;
  name: string;
  start_s: number;
}

export interface SpecStem {
  name: string;
  role: string;
  /** file, midi, score or drums. */
  source: string;
}

export interface StatusAnswer {
  changed_s: number;
  /** Unix time. */
  created_s: number;
  detail: string;
  /** Unix time; none on one's own machine. */
  expires_s?: number | null;
  explanation: string;
  kind: string;
  /** Names of what came out. */
  outputs?: Array<string>;
  parent?: string | null;
  place?: Place | null;
  progress: number;
  /** passed, warning or failed. */
  report_status?: string | null;
  session_id: string;
  state: "queued" | "running" | "complete" | "error" | "cancelled";
  status: "processing" | "complete" | "error";
  title: string;
  used_fallback: boolean;
  warnings: Array<string>;
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
  bytes: number;
  channels: number;
  /** By content. */
  container: string;
  duration_s: number | null;
  /** Audio files in a zip. */
  holds?: number;
  name: string;
  sample_rate: number;
  sha256: string;
}

export interface VerifyRequest {
  /** Uploaded files by their names; a zip is read in place. */
  files: Record<string, string>;
  /** The mix that they belong to; found by its name without. */
  mix?: string | null;
  /** Delivery rules to be asked as well: a name of GET /api/presets. */
  preset?: string | null;
  /** TOML of the spec that the set was made from: rate, channels, format and names are asked for. */
  spec?: string | null;
}

export interface Waveform {
  frames: number;
  frames_per_column: number;
  max: Array<number>;
  min: Array<number>;
  name: string;
  rms: Array<number>;
  sample_rate: number;
}

export interface Window {
  end_s: number;
  start_s: number;
}

export const api = {
  align: (body: AlignRequest): Promise<SessionAnswer> =>
    call("POST", `/api/align`, body),
  analyze: (body: AnalyzeRequest): Promise<Analysis> =>
    call("POST", `/api/analyze`, body),
  master: (body: MasterRequest): Promise<SessionAnswer> =>
    call("POST", `/api/master`, body),
  listPresets: (): Promise<PresetList> =>
    call("GET", `/api/presets`),
  produce: (body: ProduceRequest): Promise<SessionAnswer> =>
    call("POST", `/api/produce`, body),
  checkSpec: (body: ProduceRequest): Promise<SpecAnswer> =>
    call("POST", `/api/produce/check`, body),
  specTemplate: (): string => `/api/produce/template`,
  remix: (body: RemixRequest): Promise<SessionAnswer> =>
    call("POST", `/api/remix`, body),
  remove: (sessionId: string): Promise<Record<string, "cancelled" | "erased">> =>
    call("DELETE", `/api/remix/${part(sessionId)}`),
  audio: (sessionId: string): string => `/api/remix/${part(sessionId)}/audio`,
  download: (sessionId: string): string => `/api/remix/${part(sessionId)}/download`,
  file: (sessionId: string, name: string): string => `/api/remix/${part(sessionId)}/files/${part(name)}`,
  peaks: (sessionId: string, query: { name?: string | null; columns?: number } = {}): Promise<Waveform> =>
    call("GET", `/api/remix/${part(sessionId)}/peaks${search(query)}`),
  plan: (sessionId: string): Promise<RemixPlan> =>
    call("GET", `/api/remix/${part(sessionId)}/plan`),
  renderPlan: (sessionId: string, body: RemixPlan): Promise<SessionAnswer> =>
    call("PUT", `/api/remix/${part(sessionId)}/plan`, body),
  progress: (sessionId: string): string => `/api/remix/${part(sessionId)}/progress`,
  refine: (sessionId: string, body: RefineRequest): Promise<SessionAnswer> =>
    call("POST", `/api/remix/${part(sessionId)}/refine`, body),
  report: (sessionId: string): Promise<Record<string, unknown>> =>
    call("GET", `/api/remix/${part(sessionId)}/report`),
  status: (sessionId: string): Promise<StatusAnswer> =>
    call("GET", `/api/remix/${part(sessionId)}/status`),
  stem: (sessionId: string, name: string): string => `/api/remix/${part(sessionId)}/stems/${part(name)}`,
  listSessions: (): Promise<SessionList> =>
    call("GET", `/api/sessions`),
  signInWithToken: (body: SignIn): Promise<Health> =>
    call("POST", `/api/sign-in`, body),
  signOut: (): Promise<Health> =>
    call("POST", `/api/sign-out`),
  upload: (name: string): string => `/api/uploads/${part(name)}`,
  verify: (body: VerifyRequest): Promise<SessionAnswer> =>
    call("POST", `/api/verify`, body),
};

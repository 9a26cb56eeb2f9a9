/** The sections of a spec, read and changed in its text: comments, order and everything else stay as they were written. */

export interface WrittenSection {
  name: string;
  /** Of the text, from 0. */
  line: number;
  beats: number;
  /** Its own tempo; null where it has the song's. */
  bpm: number | null;
}

interface Entry {
  before: string;
  name: string;
  value: string;
  after: string;
}

const HEADER = /^\s*\[\[?\s*([^\]\s]+)\s*\]/;
const ENTRY = /^(\s*)([A-Za-z0-9_-]+|"[^"]*"|'[^']*')(\s*=\s*)(\{[^}]*\}|"[^"]*"|'[^']*'|[\d_.]+)(.*)$/;
const BEATS = /(\bbeats\s*=\s*)("[^"]*"|'[^']*'|[\d_.]+)/;
const BPM = /(\s*,\s*)?\bbpm\s*=\s*([\d_.]+)/;

const lines = (text: string): string[] => text.split("\n");
const bare = (key: string): string => key.replace(/^(["'])(.*)\1$/, "$2");
const trimmed = (value: number): string => String(Number(value.toFixed(6)));

function entryOf(line: string): Entry | null {
  const found = ENTRY.exec(line);
  if (!found) return null;
  const [, indent = "", key = "", equals = "", value = "", after = ""] = found;
  return { before: indent + key + equals, name: bare(key), value, after };
}

function beatsOf(text: string | undefined, meter: number): number | null {
  if (text === undefined) return null;
  const [number = "", unit = "beats"] = bare(text).replace(/_/g, "").trim().split(/\s+/);
  const value = Number(number) * (unit.startsWith("bar") ? meter : 1);
  return value > 0 ? value : null;
}

/** First and last line of the table of sections, its header left out; null where there is none. */
function table(all: string[]): [number, number] | null {
  const start = all.findIndex((line) => HEADER.exec(line)?.[1] === "sections");
  if (start < 0) return null;
  const next = all.findIndex((line, i) => i > start && HEADER.test(line));
  return [start + 1, next < 0 ? all.length : next];
}

/** Read the sections; null where the table is written in a way that only the service reads. */
export function readSections(text: string, meter: number): WrittenSection[] | null {
  const all = lines(text);
  const [from, to] = table(all) ?? [0, 0];
  const found: WrittenSection[] = [];
  for (let line = from; line < to; line += 1) {
    const written = all[line] ?? "";
    if (/^\s*(#|$)/.test(written)) continue;
    const entry = entryOf(written);
    const isOwn = entry?.value.startsWith("{");
    const beats = beatsOf(isOwn ? BEATS.exec(entry?.value ?? "")?.[2] : entry?.value, meter);
    if (!entry || beats === null) return null;
    const bpm = isOwn ? Number(BPM.exec(entry.value)?.[2]?.replace(/_/g, "")) : NaN;
    found.push({ name: entry.name, line, beats, bpm: Number.isFinite(bpm) ? bpm : null });
  }
  return found.length ? found : null;
}

const withLine = (text: string, line: number, change: (entry: Entry) => Entry): string => {
  const all = lines(text);
  const entry = entryOf(all[line] ?? "");
  if (!entry) return text;
  const next = change(entry);
  all[line] = next.before + next.value + next.after;
  return all.join("\n");
};

/** Give a section another length; what was written in bars stays in bars. */
export function setBeats(text: string, line: number, beats: number, meter: number): string {
  const written = (old: string): string => (/bar/.test(old) && beats % meter === 0 ? `"${beats / meter} bars"` : trimmed(beats));
  return withLine(text, line, (entry) => ({
    ...entry,
    value: entry.value.startsWith("{") ? entry.value.replace(BEATS, (_, key: string, old: string) => key + written(old)) : written(entry.value),
  }));
}

/** Give a section a tempo of its own, or the song's again. */
export function setBpm(text: string, line: number, bpm: number | null): string {
  return withLine(text, line, (entry) => {
    const isOwn = entry.value.startsWith("{");
    const beats = isOwn ? (BEATS.exec(entry.value)?.[2] ?? "4") : entry.value;
    return { ...entry, value: bpm === null ? beats : `{ beats = ${beats}, bpm = ${trimmed(bpm)} }` };
  });
}

const isPlain = (name: string): boolean => /^[A-Za-z0-9_-]+$/.test(name);

export function rename(text: string, line: number, name: string): string {
  const key = isPlain(name) ? name : JSON.stringify(name);
  return withLine(text, line, (entry) => ({ ...entry, before: entry.before.replace(/[A-Za-z0-9_-]+|"[^"]*"|'[^']*'/, () => key) }));
}

export function removeLine(text: string, line: number): string {
  return lines(text).filter((_, i) => i !== line).join("\n");
}

/** Put a section's line where another one is. */
export function moveLine(text: string, from: number, to: number): string {
  const all = lines(text);
  const [moved = ""] = all.splice(from, 1);
  all.splice(to, 0, moved);
  return all.join("\n");
}

/** A section like another one behind it, under a name that is free. */
export function copyLine(text: string, line: number, sections: WrittenSection[]): string {
  const all = lines(text);
  const one = sections.find((section) => section.line === line);
  if (!one) return text;
  const stem = one.name.replace(/-\d+$/, "");
  let number = 2;
  while (sections.some((section) => section.name === `${stem}-${number}`)) number += 1;
  all.splice(line + 1, 0, all[line] ?? "");
  return rename(all.join("\n"), line + 1, `${stem}-${number}`);
}

/** The line, from 1, that a complaint is about: it says so, or names a key; null where it does neither. */
export function lineOf(text: string, complaint: string): number | null {
  const said = /\bline (\d+)/.exec(complaint);
  if (said) return Number(said[1]);
  if (/end of document/.test(complaint)) return lines(text).length;
  const path = /^(?:spec\.toml, )?([\w-]+(?:\[\d+\])?(?:\.[\w-]+(?:\[\d+\])?)*):/.exec(complaint)?.[1];
  if (!path) return null;
  const index = keyLines(text);
  for (let part = path; part; part = part.replace(/(^|\.)[^.]*$/, "")) if (index.has(part)) return index.get(part) ?? null;
  return null;
}

/** The line of every table and key, by its dotted path. */
function keyLines(text: string): Map<string, number> {
  const found = new Map<string, number>();
  const counts = new Map<string, number>();
  let prefix = "";
  lines(text).forEach((line, i) => {
    const header = HEADER.exec(line)?.[1];
    const key = /^\s*([\w-]+|"[^"]*")\s*=/.exec(line)?.[1];
    if (header && /^\s*\[\[/.test(line)) {
      counts.set(header, (counts.get(header) ?? -1) + 1);
      prefix = `${header}[${counts.get(header)}]`;
      found.set(prefix, i + 1);
    } else if (header) found.set((prefix = header), i + 1);
    else if (key) found.set([prefix, bare(key)].filter(Boolean).join("."), i + 1);
  });
  return found;
}

/** What the page says: steps, times and measures in plain words. */

const STEPS: Array<[start: string, words: string]> = [
  ["decode", "Reading {}"],
  ["separate", "Taking {} apart into stems"],
  ["analyze", "Finding tempo, beats and key of {}"],
  ["ask model", "Asking the language model for a plan"],
  ["plan", "Planning the arrangement"],
  ["tempo and key", "Deciding on tempo and key"],
  ["match", "Bringing {} to the common beat and key"],
  ["level", "Matching levels"],
  ["arrange", "Arranging the remix"],
  ["mix", "Mixing"],
  ["master", "Mastering"],
  ["verify", "Checking everything by measurement"],
  ["align", "Bringing {} to length"],
  ["source", "Making {}"],
  ["effects", "Processing {}"],
  ["deliver", "Packing"],
];

const ALL = "all stems";

export function stepWords(name: string): string {
  for (const [start, words] of STEPS) {
    if (name === start || name.startsWith(`${start} `)) return words.replace("{}", stemName(name.slice(start.length).trim()) || ALL);
  }
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** "a_vocals" is the vocals of song A. */
export function stemName(name: string): string {
  const found = /^([ab])_(.+)$/.exec(name.replace(/^stems\//, "").replace(/\.wav$/, ""));
  return found ? `${found[2]} of song ${found[1]?.toUpperCase()}` : name.replace(/^stems\//, "").replace(/\.wav$/, "");
}

export function clock(seconds: number, tenths = false): string {
  const safe = Math.max(0, Number.isFinite(seconds) ? seconds : 0);
  const whole = Math.floor(safe);
  const rest = tenths ? `.${Math.floor((safe - whole) * 10)}` : "";
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}${rest}`;
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** A measured value, short enough to read. */
export function measured(value: unknown, unit: string): string {
  if (typeof value !== "number") return `${value === null || value === undefined ? "not measured" : String(value)} ${unit}`.trim();
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 2 : 1;
  return `${value.toFixed(digits)} ${unit}`.trim();
}

export const COMPATIBILITY: Record<string, string> = {
  great: "A great pair",
  good: "A good pair",
  challenging: "A challenging pair",
  tough: "A tough pair",
};

export const EXAMPLES = [
  "A sings over the beat of B, with a big chorus drop",
  "B sings over A, slow and calm, no drums in the intro",
  "Start with only the drums of B, build up, end on A's voice",
  "Everything from B, but the bass of A; about one minute",
];

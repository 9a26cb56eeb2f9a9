/** Small signs, drawn in the colour of the words beside them. */
const PATHS = {
  undo: "M6 3 2.5 6.5 6 10M3 6.5h6a3.5 3.5 0 0 1 0 7H6",
  redo: "m10 3 3.5 3.5L10 10M13 6.5H7a3.5 3.5 0 0 0 0 7h3",
  earlier: "M13 8H3m4-4L3 8l4 4",
  later: "M3 8h10M9 4l4 4-4 4",
  split: "M8 2v12M5 5 2 8l3 3m6-6 3 3-3 3",
  duplicate: "M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z",
  insert: "M8 3v10M3 8h10",
  remove: "M4 4l8 8m0-8-8 8",
  loop: "M4 6a5 5 0 0 1 9 1m0-4v4H9M12 10a5 5 0 0 1-9-1m0 4V9h4",
  fade: "M2 13 14 3v10z",
  crossfade: "m2 3 12 10M2 13 14 3",
  cut: "M8 2v12M2 12h6m0-8h6",
  play: "M5 3v10l8-5z",
  stop: "M4 4h8v8H4z",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);

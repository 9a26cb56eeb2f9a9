import type { FailedCheck } from "../story";
import { measured } from "../words";

/** A check that did not pass: what was asked, what was found, the way out. */
export const Failed = ({ check }: { check: FailedCheck }) => (
  <div class={`failed ${check.severity === "error" ? "bad" : "warn"}`}>
    <p>
      <strong>{check.name}</strong> of {check.subject}: <b class="read">{measured(check.measured, check.unit)}</b>, asked for{" "}
      <b class="read">{check.limit}</b>
    </p>
    {check.advice && <p class="dim">{check.advice}</p>}
  </div>
);

export const Notice = ({ text, subject = "", kind = "note" }: { text: string; subject?: string; kind?: "note" | "warn" | "bad" }) => (
  <p class={`notice ${kind}`}>
    <span class="tag">{kind === "note" ? "Note" : kind === "warn" ? "Warning" : "Error"}</span>
    <span>
      {subject && <strong>{subject}: </strong>}
      {text}
    </span>
  </p>
);

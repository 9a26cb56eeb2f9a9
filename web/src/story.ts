import type { ProgressEvent } from "./client/api";

export interface FailedCheck {
  name: string;
  subject: string;
  measured: unknown;
  unit: string;
  limit: string;
  severity: string;
  advice: string;
}

export interface StoryStep {
  name: string;
  state: "running" | "done";
  fraction: number;
  checks: number;
  failed: FailedCheck[];
  cached: boolean;
  found: string;
}

/** Everything that a session has told so far. */
export interface Story {
  steps: StoryStep[];
  notices: Array<{ text: string; subject: string }>;
  progress: number;
  detail: string;
  step: string;
  explanation: string;
  warnings: string[];
  fallback: boolean;
  over: "" | "complete" | "error" | "cancelled";
}

export const EMPTY: Story = {
  steps: [],
  notices: [],
  progress: 0,
  detail: "Waiting for its turn.",
  step: "queued",
  explanation: "",
  warnings: [],
  fallback: false,
  over: "",
};

const NEW: StoryStep = { name: "", state: "running", fraction: 0, checks: 0, failed: [], cached: false, found: "" };

function withStep(steps: StoryStep[], name: string, values: Partial<StoryStep>): StoryStep[] {
  const at = steps.findIndex((step) => step.name === name);
  if (at < 0) return [...steps, { ...NEW, name, ...values }];
  return steps.map((step, i) => (i === at ? { ...step, ...values } : step));
}

/** Add an event. */
export function tell(story: Story, event: ProgressEvent): Story {
  const data = event.data ?? {};
  const name = String(data.name ?? "");
  const next: Story = {
    ...story,
    progress: event.progress,
    detail: event.detail,
    step: event.step,
    explanation: event.explanation ?? story.explanation,
    warnings: event.warnings ?? story.warnings,
    fallback: event.used_fallback ?? story.fallback,
  };
  if (event.type === "step_started") next.steps = withStep(story.steps, name, { state: "running" });
  if (event.type === "progress") next.steps = withStep(story.steps, name, { fraction: Number(data.fraction ?? 0) });
  if (event.type === "step_finished") {
    next.steps = withStep(story.steps, name, {
      state: "done",
      fraction: 1,
      checks: Number(data.checks ?? 0),
      failed: (data.failed ?? []) as FailedCheck[],
      cached: data.cached === true,
      found: typeof data.found === "string" ? data.found : "",
    });
  }
  if (event.type === "notice") {
    const notice = { text: String(data.text ?? event.detail), subject: String(data.subject ?? "") };
    if (!story.notices.some((one) => one.text === notice.text && one.subject === notice.subject)) next.notices = [...story.notices, notice];
  }
  if (event.type === "complete" || event.type === "error" || event.type === "cancelled") next.over = event.type;
  return next;
}

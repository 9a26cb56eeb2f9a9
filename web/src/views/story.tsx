import { useSignal } from "@preact/signals";
import { api, type StatusAnswer } from "../client/api";
import { Failed, Notice } from "../parts/checks";
import { go, hearing, sentence } from "../state";
import type { Story, StoryStep } from "../story";
import { plural, stepWords } from "../words";

const SEGMENTS = 40;

export function StoryView({ status, story, away }: { status: StatusAnswer; story: Story; away: boolean }) {
  const over = story.over || (status.state === "error" || status.state === "cancelled" ? status.state : "");
  const detail = story.over ? story.detail : status.detail || story.detail;
  const percent = Math.round(story.progress * 100);
  return (
    <section class="story">
      <h1>{status.title}</h1>
      {!over && (
        <>
          <div class="meter" role="progressbar" aria-label="Progress" aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}>
            {Array.from({ length: SEGMENTS }, (_, i) => (
              <i key={i} class={i < story.progress * SEGMENTS ? "lit" : ""} />
            ))}
            <span class="read">{percent} %</span>
          </div>
          <p class="now" role="status">
            {away ? "The service is away; this goes on as soon as it is back." : story.detail}
          </p>
          <Waiting status={status} story={story} />
        </>
      )}
      {over && <Over over={over} detail={detail} status={status} />}
      {story.explanation && (
        <p class="explanation">
          {story.fallback && <span class="tag">Another planner than asked for</span>} {story.explanation}
        </p>
      )}
      {story.warnings.map((text) => (
        <Notice key={text} kind="warn" text={text} />
      ))}
      <ol class="steps" aria-label="Steps">
        {story.steps.map((step) => (
          <Step key={step.name} step={step} stopped={Boolean(over)} />
        ))}
      </ol>
      {story.notices.map((notice) => (
        <Notice key={notice.subject + notice.text} {...notice} />
      ))}
      {!over && <Cancel session={status.session_id} />}
    </section>
  );
}

function Waiting({ status, story }: { status: StatusAnswer; story: Story }) {
  if (status.state !== "queued" || !status.place || story.steps.length) return null;
  const { ahead, starts_in_s } = status.place;
  const soon = starts_in_s === null ? "" : ` It starts in about ${plural(Math.max(1, Math.round(starts_in_s)), "second")}.`;
  return <p class="dim">{ahead ? `${plural(ahead, "job")} in front.${soon}` : `Next in line.${soon}`}</p>;
}

function Step({ step, stopped }: { step: StoryStep; stopped: boolean }) {
  const found = step.found || heard(step.name);
  const state = step.state === "done" ? (step.failed.length ? "warn" : "done") : stopped ? "stopped" : "running";
  return (
    <li class={`step ${state}`}>
      <span class="lamp" aria-hidden="true" />
      <div>
        <span>{stepWords(step.name)}</span>
        <span class="dim">
          {" "}
          {state === "running" ? (step.fraction > 0 ? `${Math.round(step.fraction * 100)} %` : "…") : ""}
          {step.checks > 0 && `${step.checks - step.failed.length} of ${plural(step.checks, "check")} passed`}
          {step.cached && (step.checks > 0 ? ", was there already" : "was there already")}
        </span>
        {step.state === "done" && found && <p class="found">{found}</p>}
        {step.failed.map((check, i) => (
          <Failed key={i} check={check} />
        ))}
      </div>
    </li>
  );
}

/** What the analysis on this page heard, where the story's event does not say it. */
function heard(step: string): string {
  const side = /^analyze song ([AB])$/.exec(step)?.[1];
  const found = side && hearing.value.found?.[side === "A" ? "song_a" : "song_b"];
  return found ? `${found.bpm.toFixed(1)} bpm, ${found.key} ${found.scale}` : "";
}

function Over({ over, detail, status }: { over: string; detail: string; status: StatusAnswer }) {
  return (
    <div class="over">
      {over === "cancelled" ? <Notice text="Cancelled. What was found out so far is kept, and the songs are, too." /> : <Notice kind="bad" text={detail} />}
      <p class="go">
        <a class="button" href={status.kind === "produce" ? "#/produce" : status.kind === "verify" ? "#/verify" : "#/"}>
          Go on from what you had
        </a>
      </p>
    </div>
  );
}

function Cancel({ session }: { session: string }) {
  const trouble = useSignal("");
  const stop = (): void => void api.remove(session).catch((error) => (trouble.value = sentence(error)));
  return (
    <p class="go">
      <button type="button" onClick={stop}>
        Cancel
      </button>
      <button type="button" class="quiet" onClick={() => go("#/")}>
        Leave it running
      </button>
      {trouble.value && <Notice kind="bad" text={trouble.value} />}
    </p>
  );
}

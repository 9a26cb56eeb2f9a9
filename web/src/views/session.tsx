import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, type StatusAnswer } from "../client/api";
import { follow } from "../client/follow";
import { Notice } from "../parts/checks";
import { ready, refreshSessions, sentence } from "../state";
import { EMPTY, tell, type Story } from "../story";
import { Outcome } from "./outcome";
import { Result } from "./result";
import { StoryView } from "./story";

const ASK_EVERY_MS = 3_000;

/** A session from its first event to its result; a reloaded page comes to the same place. */
export function SessionView({ session }: { session: string }) {
  const status = useSignal<StatusAnswer | null>(null);
  const story = useSignal<Story>(EMPTY);
  const away = useSignal(false);
  const trouble = useSignal("");

  async function ask(): Promise<void> {
    try {
      await ready;
      status.value = await api.status(session);
    } catch (error) {
      trouble.value = sentence(error);
    }
  }

  useEffect(() => {
    let stop = (): void => undefined;
    let gone = false;
    void ask().then(() => {
      if (gone || !status.value || status.value.state === "complete") return;
      const following = follow(
        session,
        (event) => {
          story.value = tell(story.value, event);
          if (story.value.over) void ask().then(refreshSessions);
        },
        (lost) => (away.value = lost),
      );
      stop = following.stop;
    });
    // a story that is over while its end can't be asked for: the service has just gone, and will be back
    const unsure = (): boolean => status.value?.state === "queued" || (story.value.over !== "" && status.value?.state === "running");
    const timer = window.setInterval(() => unsure() && void ask(), ASK_EVERY_MS);
    return () => {
      gone = true;
      window.clearInterval(timer);
      stop();
    };
  }, [session]);

  const now = status.value;
  useEffect(() => {
    if (now) document.title = `${now.title} – stemwright`;
    return () => void (document.title = "stemwright");
  }, [now?.title]);
  if (trouble.value && !now) {
    return (
      <section class="panel">
        <h1>Not here</h1>
        <Notice kind="bad" text={trouble.value} />
        <p>
          <a href="#/sessions">What is on the shelf</a>
        </p>
      </section>
    );
  }
  if (!now) return <p class="dim">One moment…</p>;
  if (now.state === "complete") {
    return ["remix", "refine", "render"].includes(now.kind) ? <Result status={now} /> : <Outcome status={now} />;
  }
  return <StoryView status={now} story={story.value} away={away.value} />;
}

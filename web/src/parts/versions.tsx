import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, type SessionCard, type StatusAnswer } from "../client/api";
import { go, refreshSessions, sentence, sessions } from "../state";
import { Notice } from "./checks";

/** From the first version to this one. */
function chain(cards: SessionCard[], session: string): SessionCard[] {
  const found: SessionCard[] = [];
  for (let id: string | null | undefined = session; id; ) {
    const card = cards.find((one) => one.session_id === id);
    if (!card || found.includes(card)) break;
    found.unshift(card);
    id = card.parent;
  }
  return found;
}

export function Versions({ status }: { status: StatusAnswer }) {
  useEffect(() => void refreshSessions().catch(() => undefined), [status.session_id]);
  const before = chain(sessions.value, status.session_id);
  const after = sessions.value.filter((card) => card.parent === status.session_id && card.state === "complete");
  if (before.length + after.length < 2) return null;
  return (
    <nav class="versions" aria-label="Versions">
      {before.map((card, i) => (
        <a key={card.session_id} class="chip" href={`#/session/${card.session_id}`} aria-current={card.session_id === status.session_id ? "page" : undefined}>
          {i + 1}
        </a>
      ))}
      {after.map((card) => (
        <a key={card.session_id} class="chip" href={`#/session/${card.session_id}`}>
          {before.length + 1}
        </a>
      ))}
    </nav>
  );
}

interface Version {
  asked: string;
  changes: string[];
}

/** Say what to change; what the last sentence did, and the way back. */
export function Refine({ status }: { status: StatusAnswer }) {
  const text = useSignal("");
  const busy = useSignal(false);
  const trouble = useSignal("");
  const last = useSignal<Version | null>(null);
  useEffect(() => {
    if (!(status.outputs ?? []).includes("history.json")) return;
    fetch(api.file(status.session_id, "history.json"))
      .then((answer) => answer.json())
      .then((history: { versions: Version[] }) => (last.value = history.versions.at(-1) ?? null))
      .catch((error) => (trouble.value = sentence(error)));
  }, [status.session_id]);

  async function ask(what: { prompt: string } | { undo: true }): Promise<void> {
    busy.value = true;
    trouble.value = "";
    try {
      go(`#/session/${(await api.refine(status.session_id, what)).session_id}`);
    } catch (error) {
      trouble.value = sentence(error);
    } finally {
      busy.value = false;
    }
  }

  // the version before is still there: nothing has to be rendered to come back to it
  const parent = sessions.value.find((card) => card.session_id === status.parent && card.state === "complete");
  const undo = (): void => (parent ? go(`#/session/${parent.session_id}`) : void ask({ undo: true }));
  return (
    <section class="panel refine">
      <h2>Say what to change</h2>
      {status.parent && last.value && (
        <div class="diff">
          <p>
            Last: <q>{last.value.asked}</q>
          </p>
          <ul>
            {last.value.changes.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
          <button type="button" disabled={busy.value} onClick={undo}>
            Undo
          </button>
        </div>
      )}
      <form
        class="go"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.value.trim()) void ask({ prompt: text.value.trim() });
        }}
      >
        <label class="sr" for="refine">
          What to change
        </label>
        <input id="refine" type="text" maxLength={1000} minLength={5} value={text.value} placeholder="Vocals louder, no breakdown…" onInput={(event) => (text.value = event.currentTarget.value)} />
        <button class="start" disabled={busy.value || text.value.trim().length < 5}>
          Change it
        </button>
      </form>
      {trouble.value && <Notice kind="bad" text={trouble.value} />}
      <p class="dim">
        <a href="#/">New remix</a>: both songs stay, so that one can be replaced.
      </p>
    </section>
  );
}

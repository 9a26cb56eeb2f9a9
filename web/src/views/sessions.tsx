import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, type SessionCard } from "../client/api";
import { refreshSessions, sentence, sessions } from "../state";
import { Notice } from "../parts/checks";

const STATES: Record<SessionCard["state"], string> = {
  queued: "waits", running: "under way", complete: "done", error: "did not work", cancelled: "cancelled",
};
const KINDS: Record<string, string> = {
  remix: "Remix", refine: "Remix, changed", render: "Remix, edited", produce: "Production", verify: "Check",
};

export function Sessions() {
  return (
    <>
      <h1>Shelf</h1>
      <Shelf most={200} title="" />
    </>
  );
}

export function Shelf({ most, title }: { most: number; title: string }) {
  const trouble = useSignal("");
  useEffect(() => void refreshSessions().catch((error) => (trouble.value = sentence(error))), []);
  const shown = sessions.value.slice(0, most);
  async function remove(card: SessionCard): Promise<void> {
    try {
      await api.remove(card.session_id);
      await refreshSessions();
    } catch (error) {
      trouble.value = sentence(error);
    }
  }
  if (!shown.length) return title ? null : <p class="dim">Nothing yet. What you make is kept here.</p>;
  return (
    <section class="shelf">
      {title && <h2>{title}</h2>}
      {trouble.value && <Notice kind="bad" text={trouble.value} />}
      <ul>
        {shown.map((card) => (
          <li key={card.session_id} class={`card is-${card.state}`}>
            <a href={`#/session/${card.session_id}`}>
              <strong>{card.title}</strong>
              <span class="dim">
                {KINDS[card.kind] ?? card.kind}, {STATES[card.state]}
                {card.state === "running" ? `, ${Math.round(card.progress * 100)} %` : ""}, {new Date(card.created_s * 1000).toLocaleString()}
              </span>
            </a>
            <button
              type="button"
              class="quiet small"
              aria-label={`${card.state === "queued" || card.state === "running" ? "Cancel" : "Erase"} ${card.title}`}
              onClick={() => void remove(card)}
            >
              {card.state === "queued" || card.state === "running" ? "Cancel" : "Erase"}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

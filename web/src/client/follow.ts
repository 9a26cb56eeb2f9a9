import { api, type ProgressEvent } from "./api";

const FINAL = ["complete", "error", "cancelled"];
const PATIENCE_MS = 1_500;

export interface Following {
  stop: () => void;
}

/**
 * Follow a session to its end. The browser comes back by itself with Last-Event-ID; where it gives up (a server that
 * was killed and started again answers with an error for a while), a new stream replays the story, and what was seen
 * is passed over.
 */
export function follow(session: string, told: (event: ProgressEvent) => void, lost: (away: boolean) => void): Following {
  let seen = 0;
  let over = false;
  let source: EventSource | null = null;
  let timer = 0;

  function open(): void {
    source = new EventSource(api.progress(session));
    source.onopen = () => lost(false);
    source.onmessage = (message) => {
      const event = JSON.parse(message.data as string) as ProgressEvent;
      if (event.number <= seen) return;
      seen = event.number;
      told(event);
      if (FINAL.includes(event.type)) stop();
    };
    source.onerror = () => {
      if (over) return;
      lost(true);
      if (source?.readyState === EventSource.CLOSED) timer = window.setTimeout(open, PATIENCE_MS);
    };
  }

  function stop(): void {
    over = true;
    window.clearTimeout(timer);
    source?.close();
  }

  open();
  return { stop };
}

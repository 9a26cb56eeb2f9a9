import { signal } from "@preact/signals";

/** Whether the service asks who we are. */
export const mustSignIn = signal(false);

/** What an answer that takes longer begins with: no fault, only to be asked for again. */
export const STILL_AT_IT = 202;

/** A request that was refused: a status, and one sentence for people. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    sentence: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(sentence);
  }
}

export const part = (text: string): string => text.split("/").map(encodeURIComponent).join("/");

export function search(query: Record<string, unknown>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

/** Read why something was refused; answers that are not ours count by their status. */
export function refusal(status: number, body: string, retryAfter: string | null): Refused {
  if (status === 401) mustSignIn.value = true;
  let sentence = status === 0 ? "The service does not answer. Is stemwright serve still running?" : `The service answered with ${status}.`;
  try {
    const detail: unknown = JSON.parse(body).detail;
    if (typeof detail === "string") sentence = detail;
  } catch {
    // a proxy's page, or nothing: the sentence above stands
  }
  return new Refused(status, sentence, retryAfter ? Number(retryAfter) : null);
}

export async function call<T>(method: string, url: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, headers: { accept: "application/json", prefer: "respond-async" } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, "content-type": "application/json" };
  }
  let answer: Response;
  try {
    answer = await fetch(url, init);
  } catch {
    throw refusal(0, "", null);
  }
  if (!answer.ok || answer.status === STILL_AT_IT) throw refusal(answer.status, await answer.text(), answer.headers.get("retry-after"));
  return (await answer.json()) as T;
}

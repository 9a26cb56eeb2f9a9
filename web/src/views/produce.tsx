import { effect, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import template from "../../../src/stemwright/pipeline/spec-template.toml?raw";
import { api, type SpecAnswer } from "../client/api";
import { Notice } from "../parts/checks";
import { Drop } from "../parts/drop";
import { chooseLine, Editor } from "../parts/editor";
import { FileList } from "../parts/filelist";
import { SpecForm } from "../parts/specform";
import { lineOf } from "../spec-text";
import { go, ready, sentence } from "../state";
import { Uploads } from "../uploads";
import { clock, plural } from "../words";

const KEPT = "stemwright.spec";
const PAUSE_MS = 350;

const spec = signal(localStorage.getItem(KEPT) ?? template);
const uploads = new Uploads("stemwright.stems");
effect(() => localStorage.setItem(KEPT, spec.value));

/** What stood there before a change by the timeline; typing has the browser's own undo. */
const past = signal<string[]>([]);
let gesture = "";

function put(next: string, by = ""): void {
  if (!by || by !== gesture) past.value = [...past.value, spec.value].slice(-100);
  gesture = by;
  spec.value = next;
}

function undo(): void {
  spec.value = past.value[past.value.length - 1] ?? spec.value;
  past.value = past.value.slice(0, -1);
  gesture = "";
}

function typed(text: string): void {
  [spec.value, past.value, gesture] = [text, [], ""];
}

const digests = (): Record<string, string> => Object.fromEntries(uploads.there.value.map((one) => [one.name, one.sha256]));

/** A take that no stem names yet becomes one. */
function addStems(names: string[]): void {
  const fresh = names.filter((name) => !spec.value.includes(JSON.stringify(name)));
  const tables = fresh.map((name) => `\n[[stem]]\nname = ${JSON.stringify(name.replace(/\.[^.]+$/, ""))}\nfile = ${JSON.stringify(name)}\n`);
  if (tables.length) spec.value = spec.value.trimEnd() + "\n" + tables.join("");
}

export function Produce() {
  const understood = useSignal<SpecAnswer | null>(null);
  const trouble = useSignal("");
  const sending = useSignal(false);
  const line = useSignal<number | null>(null);
  const files = JSON.stringify(digests());
  const wrongLine = trouble.value ? line.value : null;

  useEffect(() => {
    let late = false;
    const timer = window.setTimeout(async () => {
      await ready;
      try {
        const found = await api.checkSpec({ spec: spec.value, files: digests() });
        if (!late) [understood.value, trouble.value] = [found, ""];
      } catch (error) {
        if (!late) [trouble.value, line.value] = [sentence(error), lineOf(spec.value, sentence(error))];
      }
    }, PAUSE_MS);
    return () => {
      late = true;
      window.clearTimeout(timer);
    };
  }, [spec.value, files]);

  async function start(): Promise<void> {
    sending.value = true;
    try {
      go(`#/session/${(await api.produce({ spec: spec.value, files: digests() })).session_id}`);
    } catch (error) {
      [trouble.value, line.value] = [sentence(error), null];
    } finally {
      sending.value = false;
    }
  }

  return (
    <div class="produce">
      <h1>Produce a record</h1>
      {understood.value ? (
        <SpecForm spec={spec.value} found={understood.value} put={put} undo={past.value.length ? undo : null} />
      ) : (
        <div class="instrument spec-form" />
      )}
      <div class="columns wide-left">
        <section class="panel">
          <label for="spec">The spec</label>
          <Editor id="spec" text={spec.value} change={typed} wrongLine={wrongLine} describedBy="spec-said" />
          <div id="spec-said" role="status">
            {trouble.value ? <Complaint text={trouble.value} line={wrongLine} /> : <Understood spec={understood.value} />}
          </div>
          <div class="go">
            <button type="button" class="start" disabled={Boolean(trouble.value) || uploads.busy.value || sending.value || !understood.value} onClick={() => void start()}>
              Make the record
            </button>
            <button type="button" onClick={() => put(template)}>
              Start from the example
            </button>
          </div>
        </section>
        <section class="panel">
          <h2>Takes</h2>
          <Drop label="Takes:" many class="drop-small" taken={(taken) => void uploads.take(taken).then(addStems)}>
            <span>Drop your own takes: each becomes a stem</span>
          </Drop>
          <FileList uploads={uploads} />
          {uploads.trouble.value && <Notice kind="warn" text={uploads.trouble.value} />}
          <h2>Stems</h2>
          <ul class="file-list">
            {understood.value?.stems.map((stem) => (
              <li key={stem.name}>
                <span class="file-name">{stem.name}</span>
                <span class="dim">
                  {stem.role}, {stem.source}
                </span>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </div>
  );
}

function Understood({ spec: found }: { spec: SpecAnswer | null }) {
  if (!found) return <p class="dim">Reading…</p>;
  const seconds = found.sections.at(-1)?.end_s ?? 0;
  return (
    <p class="dim">
      Understood: <strong>{found.title}</strong>, {found.bpm} bpm in {found.meter}, {plural(found.stems.length, "stem")}, {clock(seconds)} as written.
    </p>
  );
}

/** What is wrong, and the way to its line. */
function Complaint({ text, line }: { text: string; line: number | null }) {
  return (
    <div class="complaint">
      <Notice kind="warn" text={text.replace(/^spec\.toml, l/, "L").replace(/^spec\.toml(?=[,: ])/, "The spec")} />
      {line !== null && (
        <button type="button" class="small" onClick={() => chooseLine("spec", line)}>
          Go to line {line}
        </button>
      )}
    </div>
  );
}

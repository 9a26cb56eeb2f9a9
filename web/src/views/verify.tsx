import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, type PresetAnswer } from "../client/api";
import { Notice } from "../parts/checks";
import { Drop } from "../parts/drop";
import { FileList } from "../parts/filelist";
import { go, ready, sentence } from "../state";
import { Uploads } from "../uploads";

const uploads = new Uploads("stemwright.set");
const presets = signal<PresetAnswer[]>([]);
const MIX = /(^|[\W_])(mix|master|ref(erence)?|full)([\W_]|$)/i;

export function Verify() {
  const trouble = useSignal("");
  const chosen = useSignal<string | null>(null);
  const preset = useSignal("");
  const there = uploads.there.value;
  const mix = chosen.value ?? there.find((one) => MIX.test(one.name.replace(/\.[^.]+$/, "")))?.name ?? "";

  async function start(): Promise<void> {
    const files = Object.fromEntries(there.filter((one) => one.name !== mix).map((one) => [one.name, one.sha256]));
    try {
      const digest = there.find((one) => one.name === mix)?.sha256 ?? null;
      go(`#/session/${(await api.verify({ files, mix: digest, preset: preset.value || null })).session_id}`);
    } catch (error) {
      trouble.value = sentence(error);
    }
  }

  useEffect(() => void ready.then(() => api.listPresets()).then((found) => (presets.value = found.presets), () => undefined), []);
  const rules = presets.value.find((one) => one.name === preset.value);
  const stems = there.length - (mix ? 1 : 0);
  return (
    <div class="verify">
      <h1>Check a set of stems</h1>
      <section class="panel">
        <Drop label="Stems to check:" many class="drop-small tall" taken={(files) => void uploads.take(files)}>
          <span class="drop-big">Drop files, a folder or a zip</span>
          <span class="dim">one start, one length, one rate; clicks, clipping, silence; what is missing from the mix</span>
        </Drop>
        <FileList uploads={uploads} />
        {uploads.trouble.value && <Notice kind="warn" text={uploads.trouble.value} />}
        {there.length > 0 && (
          <p class="go">
            <label>
              The mix that they belong to{" "}
              <select value={mix} onChange={(event) => (chosen.value = event.currentTarget.value)}>
                <option value="">none</option>
                {there.map((one) => (
                  <option key={one.name}>{one.name}</option>
                ))}
              </select>
            </label>
            {presets.value.length > 0 && (
              <label>
                Delivery rules{" "}
                <select value={preset.value} onChange={(event) => (preset.value = event.currentTarget.value)}>
                  <option value="">none</option>
                  {presets.value.map((one) => (
                    <option key={one.name} value={one.name}>
                      {one.title}
                    </option>
                  ))}
                </select>
              </label>
            )}
          </p>
        )}
        {rules && (
          <ul class="rules" aria-label={`Rules of ${rules.title}`}>
            {rules.rules.map((rule, i) => (
              <li key={i}>
                <strong>{rule.name}</strong> of the {rule.of}: {rule.wants || rule.why}
                {rule.by_hand && <span class="dim"> (nobody can measure that)</span>}
              </li>
            ))}
          </ul>
        )}
        <div class="go">
          <button type="button" class="start" disabled={stems < 1 || uploads.busy.value} onClick={() => void start()}>
            Check them
          </button>
          {there.length > 0 && (
            <button type="button" onClick={() => uploads.clear()}>
              Clear
            </button>
          )}
        </div>
        {trouble.value && <Notice kind="bad" text={trouble.value} />}
      </section>
    </div>
  );
}

import { computed, signal, type Signal } from "@preact/signals";
import { Refused } from "./client/call";
import { upload } from "./client/upload";
import { ready, sentence } from "./state";
import { unzip } from "./unzip";

/** A file on its way in, or there. */
export interface Sent {
  name: string;
  bytes: number;
  sha256: string;
  sent: number;
  trouble: string;
}

const AT_ONCE = 3;
const MB = 1e6;
const SOUND = /\.(wav|wave|flac|aiff?|mp3|m4a|aac|ogg|oga|opus|w64|rf64|caf|mid|midi|sf2)$/i;

/** Files dropped on this page, by name: waveforms of what was checked are drawn from them. */
export const local = new Map<string, File>();

/** A set of files that are sent as soon as they are dropped. */
export class Uploads {
  readonly all: Signal<Sent[]>;
  readonly trouble = signal("");
  readonly there = computed(() => this.all.value.filter((one) => one.sha256));
  readonly busy = computed(() => this.all.value.some((one) => !one.sha256 && !one.trouble));
  private readonly waiting: File[] = [];
  private running = 0;

  constructor(private readonly key: string) {
    this.all = signal(this.remembered());
  }

  private remembered(): Sent[] {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]") as Sent[];
    } catch {
      return [];
    }
  }

  private put(name: string, values: Partial<Sent>): void {
    const known = this.all.value.find((one) => one.name === name);
    const next = { name, bytes: 0, sha256: "", sent: 0, trouble: "", ...known, ...values };
    this.all.value = [...this.all.value.filter((one) => one.name !== name), next].sort((a, b) => a.name.localeCompare(b.name));
    localStorage.setItem(this.key, JSON.stringify(this.there.value));
  }

  /** Take files, folders' contents and zips; what is no sound is left out, and said. */
  async take(files: File[]): Promise<string[]> {
    this.trouble.value = "";
    const found: File[] = [];
    for (const file of files) {
      try {
        found.push(...(/\.zip$/i.test(file.name) ? await unzip(file) : [file]));
      } catch (error) {
        this.trouble.value = `${file.name}: ${sentence(error)}`;
      }
    }
    const sounds = found.filter((file) => SOUND.test(file.name) && !file.name.startsWith("."));
    const left = found.filter((file) => !SOUND.test(file.name) && !file.name.startsWith("."));
    if (left.length) this.trouble.value = `Left out, as they are no sound: ${left.map((file) => file.name).join(", ")}.`;
    for (const file of sounds) {
      local.set(file.name, file);
      this.put(file.name, { bytes: file.size, sha256: "", sent: 0, trouble: "" });
      this.waiting.push(file);
    }
    this.pump();
    return sounds.map((file) => file.name);
  }

  private pump(): void {
    while (this.running < AT_ONCE && this.waiting.length) {
      const file = this.waiting.shift() as File;
      this.running += 1;
      void this.send(file).finally(() => {
        this.running -= 1;
        this.pump();
      });
    }
  }

  private async send(file: File): Promise<void> {
    try {
      await ready;
      const { sha256 } = await upload(file, file.name, (sent) => this.put(file.name, { sent }));
      this.put(file.name, { sha256, sent: 1 });
    } catch (error) {
      this.put(file.name, { trouble: error instanceof Refused ? error.message : sentence(error) });
    }
  }

  remove(name: string): void {
    this.all.value = this.all.value.filter((one) => one.name !== name);
    localStorage.setItem(this.key, JSON.stringify(this.there.value));
  }

  clear(): void {
    this.all.value = [];
    localStorage.removeItem(this.key);
  }
}

export const size = (bytes: number): string => (bytes ? `${(bytes / MB).toFixed(1)} MB` : "");

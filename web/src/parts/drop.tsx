import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

interface DropProps {
  label: string;
  accept?: string;
  many?: boolean;
  class?: string;
  taken: (files: File[]) => void;
  children: ComponentChildren;
}

/** Let an element take dropped files. */
export function useDrop(taken: (files: File[]) => void, many = false) {
  const [over, setOver] = useState(false);
  const handlers = {
    onDragOver: (event: DragEvent) => (event.preventDefault(), event.stopPropagation(), setOver(true)),
    onDragLeave: () => setOver(false),
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      event.stopPropagation();
      setOver(false);
      if (event.dataTransfer) void dropped(event.dataTransfer).then((files) => files.length && taken(many ? files : files.slice(0, 1)));
    },
  };
  return { over, handlers };
}

/** A place for files: drop them, click it, or press Enter on it. */
export function Drop({ label, accept, many = false, taken, children, ...rest }: DropProps) {
  const input = useRef<HTMLInputElement>(null);
  const { over, handlers } = useDrop(taken, many);
  return (
    <div class={`drop ${rest.class ?? ""} ${over ? "over" : ""}`} {...handlers}>
      <button type="button" class="drop-target" onClick={() => input.current?.click()}>
        <span class="sr">{label} </span>
        {children}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={label}
        accept={accept}
        multiple={many}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          if (files.length) taken(files);
        }}
      />
    </div>
  );
}

/** Everything that was dropped; folders are opened, and names say where in them a file lay. */
async function dropped(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const found = await Promise.all(entries.map((entry) => (entry ? filesOf(entry) : [])));
  return found.flat();
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const inside: FileSystemEntry[] = [];
  for (;;) {
    // a folder is read in portions; an empty one is its end
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    inside.push(...some);
  }
  return (await Promise.all(inside.map(filesOf))).flat();
}

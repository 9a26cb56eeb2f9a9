import { useLayoutEffect, useRef } from "preact/hooks";

interface EditorProps {
  id: string;
  text: string;
  change: (text: string) => void;
  /** The line that a complaint is about, from 1. */
  wrongLine: number | null;
  describedBy: string;
}

/** A text with numbered lines; the one that is wrong is marked. */
export function Editor({ id, text, change, wrongLine, describedBy }: EditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = useRef<HTMLDivElement>(null);
  const follow = (): void => {
    if (lines.current && area.current) lines.current.style.translate = `0 ${-area.current.scrollTop}px`;
  };
  useLayoutEffect(follow, [text]);
  return (
    <div class="editor">
      <div class="gutter" aria-hidden="true">
        <div ref={lines}>
          {text.split("\n").map((_, i) => (
            <span key={i} class={wrongLine === i + 1 ? "wrong" : undefined}>
              {i + 1}
            </span>
          ))}
        </div>
      </div>
      <textarea
        ref={area}
        id={id}
        class="code"
        rows={24}
        wrap="off"
        spellcheck={false}
        value={text}
        aria-invalid={wrongLine !== null}
        aria-describedby={describedBy}
        onScroll={follow}
        onInput={(event) => change(event.currentTarget.value)}
      />
    </div>
  );
}

/** Bring a line into view and choose it. */
export function chooseLine(id: string, line: number): void {
  const area = document.getElementById(id);
  if (!(area instanceof HTMLTextAreaElement)) return;
  const all = area.value.split("\n");
  const start = all.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (all[line - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, (line - 5) * Number.parseFloat(getComputedStyle(area).lineHeight));
}

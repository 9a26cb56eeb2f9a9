const TYPING = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
const SLIDING = /^(Arrow|Home|End|Page)/;
const PRESSED = "button, a, summary, input[type=checkbox]";

/** Whether the focus came here by Tab: then space presses what is in it; after a click it plays. */
let isWalking = false;
window.addEventListener("keydown", (event) => (isWalking ||= event.key === "Tab"), { capture: true });
window.addEventListener("pointerdown", () => (isWalking = false), { capture: true });

/** Keys of the desk: they stay out of the way of who types, and of who walks the page by keyboard. */
export function onKeys(keys: Record<string, (event: KeyboardEvent) => void>): () => void {
  const meant = (event: KeyboardEvent): ((event: KeyboardEvent) => void) | undefined => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return undefined;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest(TYPING)) return undefined;
    if (event.key === " " && isWalking && target?.closest(PRESSED)) return undefined;
    const slides = target?.matches("input[type=range], [role=slider]") ?? false;
    if (slides && SLIDING.test(event.key)) return undefined;
    return keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  };
  const hear = (event: KeyboardEvent): void => {
    const act = meant(event);
    if (!act) return;
    event.preventDefault();
    act(event);
  };
  // some browsers press a button when space is let go
  const release = (event: KeyboardEvent): void => {
    if (event.key === " " && meant(event)) event.preventDefault();
  };
  window.addEventListener("keydown", hear);
  window.addEventListener("keyup", release);
  return () => {
    window.removeEventListener("keydown", hear);
    window.removeEventListener("keyup", release);
  };
}

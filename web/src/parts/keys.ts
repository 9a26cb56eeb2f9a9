const TYPING = "input:not([type=range]), textarea, select, [contenteditable]";
const PRESSED = "button, a, summary";

/** Keys of the desk: they stay out of the way of who types, and of who walks the page by keyboard. */
export function onKeys(keys: Record<string, (event: KeyboardEvent) => void>): () => void {
  const hear = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest(TYPING)) return;
    const isPressed = target?.closest(PRESSED)?.matches(":focus-visible") ?? false;
    if (event.key === " " && isPressed) return;
    const slides = target?.matches("input[type=range], [role=slider]") ?? false;
    if (event.key.startsWith("Arrow") && slides) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act(event);
  };
  window.addEventListener("keydown", hear);
  return () => window.removeEventListener("keydown", hear);
}

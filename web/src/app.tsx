import { useEffect, useRef } from "preact/hooks";
import { mustSignIn } from "./client/call";
import { route, type Route } from "./state";
import { Produce } from "./views/produce";
import { Remix } from "./views/remix";
import { SessionView } from "./views/session";
import { Sessions } from "./views/sessions";
import { SignIn } from "./views/signin";
import { Verify } from "./views/verify";

const TABS: Array<[view: Route["view"], href: string, words: string]> = [
  ["remix", "#/", "Remix"],
  ["produce", "#/produce", "Produce"],
  ["verify", "#/verify", "Verify"],
  ["sessions", "#/sessions", "Shelf"],
];

export function App() {
  const { view, session } = route.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) {
      main.current?.focus();
      window.scrollTo(0, 0);
    }
    first.current = false;
  }, [view, session]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="#/" aria-label="stemwright, start">
          <Mark /> stemwright
        </a>
        <nav aria-label="Jobs">
          {TABS.map(([name, href, words]) => (
            <a key={name} href={href} aria-current={view === name ? "page" : undefined}>
              {words}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {mustSignIn.value ? <SignIn /> : <View />}
      </main>
      <footer>Everything happens on the machine that serves this page. Free software under the GPL, version 3 or later.</footer>
    </>
  );
}

function View() {
  const { view, session } = route.value;
  if (view === "session") return <SessionView key={session} session={session} />;
  if (view === "produce") return <Produce />;
  if (view === "verify") return <Verify />;
  if (view === "sessions") return <Sessions />;
  return <Remix />;
}

const Mark = () => (
  <svg viewBox="0 0 24 16" width="30" height="20" aria-hidden="true">
    <g stroke-width="2.4" stroke-linecap="round" fill="none">
      <path class="of-a" d="M2 5v6M7 2v12" />
      <path class="of-b" d="M12 4v8M17 6v4M22 3v10" />
    </g>
  </svg>
);

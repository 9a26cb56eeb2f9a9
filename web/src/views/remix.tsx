import { useSignal } from "@preact/signals";
import { api } from "../client/api";
import { Notice } from "../parts/checks";
import { Drop, useDrop } from "../parts/drop";
import { SongWave } from "../parts/wave";
import {
  bothThere, change, dropSong, files, given, go, hearing, prompt, sentence, songs, swapSongs, takeFiles,
  type Side, type Song,
} from "../state";
import { clock, COMPATIBILITY, EXAMPLES } from "../words";
import { Shelf } from "./sessions";

const AUDIO = "audio/*,.wav,.flac,.mp3,.m4a,.ogg,.opus,.aiff,.aif,.zip";
const SHORTEST = 5;
const LONGEST = 1_000;
const upper = (side: Side): string => side.toUpperCase();

export function Remix() {
  return (
    <form class="remix" onSubmit={(event) => event.preventDefault()}>
      <h1 class="sr">Remix two songs</h1>
      <div class="decks">
        <Deck side="a" />
        <button type="button" class="swap" title="Swap the songs" aria-label="Swap song A and song B" onClick={swapSongs}>
          <svg viewBox="0 0 20 20" width="18" aria-hidden="true">
            <path d="M3 7h13l-4-4M17 13H4l4 4" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />
          </svg>
        </button>
        <Deck side="b" />
      </div>
      <Pair />
      <Wish />
      <Shelf most={4} title="Lately" />
    </form>
  );
}

function Deck({ side }: { side: Side }) {
  const song = songs[side].value;
  const file = files[side].value;
  const take = (taken: File[]): void => void takeFiles(side, taken);
  const { over, handlers } = useDrop(take, true);
  const title = `Song ${upper(side)}`;
  return (
    <section class={`deck of-${side} ${over ? "over" : ""}`} aria-label={title} {...handlers}>
      <div class="deck-head">
        <span class="badge" aria-hidden="true">{upper(side)}</span>
        <span class="deck-name">{song ? song.name : title}</span>
        {song && (
          <button type="button" class="quiet small" aria-label={`Take out ${song.name}`} onClick={() => dropSong(side)}>
            Take out
          </button>
        )}
      </div>
      {song ? (
        <>
          <SongWave
            file={song.trouble ? null : file}
            peaks={song.peaks}
            durationS={song.durationS ?? 0}
            tint={`--${side}`}
            label={song.name}
            drawn={(peaks, durationS) => change(side, { peaks, durationS })}
          />
          <DeckFacts side={side} song={song} />
          <Drop label={`Song ${upper(side)}:`} accept={AUDIO} many class="drop-again" taken={take}>
            Replace
          </Drop>
        </>
      ) : (
        <Drop label={`Song ${upper(side)}:`} accept={AUDIO} many class="drop-empty" taken={take}>
          <span class="drop-big">Drop a song</span>
          <span class="dim">or its stems, as files, a folder or a zip; press to choose</span>
        </Drop>
      )}
    </section>
  );
}

function DeckFacts({ side, song }: { side: Side; song: Song }) {
  const found = hearing.value.found?.[side === "a" ? "song_a" : "song_b"];
  if (song.trouble) return <Notice kind="bad" text={song.trouble} />;
  if (song.sha256 === null) {
    return (
      <div class="sending">
        <progress max={1} value={song.sent} aria-label={`Sending ${song.name}`} />
        <span class="read">{song.sent < 1 ? `${Math.round(song.sent * 100)} %` : "Looking at it…"}</span>
      </div>
    );
  }
  return (
    <div class="readouts">
      <dl>
      <Readout name="Tempo" value={found ? found.bpm.toFixed(1) : "–"} unit="bpm" />
      <Readout name="Key" value={found ? `${found.key} ${found.scale}` : "–"} />
      <Readout name="Length" value={song.durationS ? clock(song.durationS) : "–"} />
      </dl>
      <div class="tempo-fix" role="group" aria-label={`Tempo of song ${upper(side)}`}>
        {[0.5, 1, 2].map((factor) => (
          <button
            key={factor}
            type="button"
            class="small chip"
            aria-pressed={song.tempoFactor === factor}
            onClick={() => change(side, { tempoFactor: factor })}
          >
            {factor === 0.5 ? "½×" : factor === 1 ? "as heard" : "2×"}
          </button>
        ))}
      </div>
    </div>
  );
}

export const Readout = ({ name, value, unit = "" }: { name: string; value: string; unit?: string }) => (
  <div class="readout">
    <dt>{name}</dt>
    <dd>
      <span class="read">{value}</span> {unit}
    </dd>
  </div>
);

/** How the two go together: a description, never a verdict. */
function Pair() {
  const { state, found, words } = hearing.value;
  const pair = found?.compatibility;
  return (
    <div class={`pair ${pair?.level ?? state}`} role="status">
      {pair && (
        <>
          <span class={`lamp level-${pair.level}`} aria-hidden="true" />
          <p>
            <strong>{COMPATIBILITY[pair.level]}.</strong> {pair.message} <span class="dim">{pair.detail}</span>
          </p>
        </>
      )}
      {!pair && state === "failed" && <Notice kind="warn" text={`${words} You can start all the same.`} />}
      {!pair && state === "listening" && <p class="dim listening">{words}</p>}
      {!pair && state === "idle" && <p class="dim">As soon as both songs are here, their tempo, key and how they go together show up.</p>}
    </div>
  );
}

function Wish() {
  const starting = useSignal(false);
  const trouble = useSignal("");
  const text = prompt.value.trim();
  const missing = !bothThere.value ? "Two songs are needed." : text.length < SHORTEST ? "Say what the remix should be." : "";

  async function start(): Promise<void> {
    if (missing || starting.value) return;
    starting.value = true;
    trouble.value = "";
    try {
      const { session_id } = await api.remix({ ...given(), prompt: text });
      go(`#/session/${session_id}`);
    } catch (error) {
      trouble.value = sentence(error);
    } finally {
      starting.value = false;
    }
  }

  return (
    <section class="wish panel">
      <label for="prompt">What should it become?</label>
      <textarea
        id="prompt"
        rows={2}
        maxLength={LONGEST}
        value={prompt.value}
        placeholder="A sings over the beat of B…"
        aria-describedby="missing"
        onInput={(event) => (prompt.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) void start();
        }}
      />
      <div class="examples" role="group" aria-label="Examples">
        {EXAMPLES.map((example) => (
          <button key={example} type="button" class="chip" onClick={() => (prompt.value = example)}>
            {example}
          </button>
        ))}
      </div>
      <div class="go">
        <button type="button" class="start" disabled={Boolean(missing) || starting.value} onClick={() => void start()}>
          {starting.value ? "Starting…" : "Make the remix"}
        </button>
        <span id="missing" class="dim" role="status">{missing}</span>
      </div>
      {trouble.value && <Notice kind="bad" text={`${trouble.value} Both songs are still here.`} />}
    </section>
  );
}

"""The desk when things go wrong: slow lines, hidden tabs, silent browsers, other rates, a killed server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench.page_tap import Ear, Judge, script, tracks_of

from page_kit import QUIET, STATIC, Made, NewPerson, Person, Service, chromium, listening

Songs = tuple[Path, Path]
pytestmark = pytest.mark.slow

# a loop to the very last frame, rendered at once: a ramp tells which frame is heard
LOOP_TO_THE_END = """async (url) => {
  const frames = 70000, seconds = 4, rate = 44100;
  const context = new OfflineAudioContext(2, seconds * rate, rate);
  await context.audioWorklet.addModule(url);
  const node = new AudioWorkletNode(context, 'desk', {
    numberOfInputs: 0, outputChannelCount: [2], processorOptions: { tracks: 1, frames },
  });
  node.connect(context.destination);
  let told = {};
  node.port.onmessage = (message) => (told = message.data);
  for (const index of [0, 1]) {
    const plane = Float32Array.from({ length: 65536 }, (_, i) => (index * 65536 + i) / 65536);
    node.port.postMessage({ type: 'chunk', chunk: { track: 0, index, planes: [plane] } });
  }
  node.port.postMessage({ type: 'gains', gains: [1] });
  node.port.postMessage({ type: 'loop', range: [60000, frames] });
  node.port.postMessage({ type: 'seek', frame: 59000, number: 1 });
  node.port.postMessage({ type: 'play', on: true });
  let rendered = null;
  for (let at = 512; !told.playing; at += 512) {
    const stopped = context.suspend(at / rate);
    if (rendered) await context.resume();
    else rendered = context.startRendering();
    await stopped;
    await new Promise((next) => setTimeout(next));
  }
  await context.resume();
  const sound = (await rendered).getChannelData(0);
  const heard = Array.from(sound, (value) => Math.round(value * 65536));
  const turns = heard.flatMap((frame, i) => (i && frame < heard[i - 1] ? [[heard[i - 1], frame]] : []));
  return { turns, lowest: Math.min(...heard.slice(3 * rate)) };
}"""


def test_unmuting_waits_for_nothing(new_person: NewPerson, made: Made) -> None:
    """A muted stem is fetched like the others, wherever one goes."""
    with listening(new_person, made) as (person, ear):
        person.page.keyboard.press("m")
        person.page.keyboard.press("Space")
        for share in (0.7, 0.2, 0.5):
            person.go_to(share)
            ear.until_played(1.0)
            before = ear.judge.waited
            person.page.keyboard.press("m")
            on = ear.until_played(0.5)
            person.page.keyboard.press("m")
            ear.until_played(0.5)

            assert on.rows[-1, 6] == 1.0, "it sounds"
            assert ear.judge.waited == before


def test_a_jump_while_loading_drops_what_it_outran(new_person: NewPerson, made: Made) -> None:
    with listening(new_person, made) as (person, ear):
        dropped: list[str] = []
        person.page.on("requestfailed", lambda request: dropped.append(str(request.failure)))
        person.slow_line(latency_ms=150, bytes_per_s=1_500_000)
        person.page.keyboard.press("Space")
        for share in (0.9, 0.1, 0.6, 0.3, 0.75):
            person.go_to(share)
        person.slow_line()
        ear.until_played(1.0)
        length = ear.judge.tracks[0].shape[1]
        heard = ear.drain() if person.page.evaluate("tap.batches.length") else ear.until_played(0.2)

        assert "net::ERR_ABORTED" in dropped
        assert 0.7 * length < heard.rows[-1, 1] < 0.75 * length + 44_100 * 20


def test_a_jump_is_not_taken_back_by_what_was_told_before_it(new_person: NewPerson, made: Made) -> None:
    """Two bars on, pressed faster than the worklet tells where it is, are two bars."""
    with listening(new_person, made) as (person, ear):
        person.page.keyboard.press("Space")
        ear.until_played(0.5)
        person.page.evaluate(
            """() => {
              for (let i = 0; i < 6; i += 1)
                window.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
            }"""
        )
        heard = ear.until_played(0.3)
        bar = 4 * 60 / 111 * 44_100

        assert heard.rows[-1, 1] >= 6 * bar


def test_a_loop_to_the_last_frame_turns(person: Person) -> None:
    person.come()
    name = next((STATIC / "assets").glob("desk.worklet-*.js")).name
    found = person.page.evaluate(LOOP_TO_THE_END, f"/assets/{name}")

    assert len(found["turns"]) >= 15
    assert {tuple(turn) for turn in found["turns"]} == {(69_999, 60_000)}
    assert found["lowest"] >= 60_000


def test_the_last_section_loops(new_person: NewPerson, made: Made) -> None:
    with listening(new_person, made) as (person, ear):
        person.page.locator(".section").last.click()
        person.page.click("text=Loop it")
        person.page.click(".play")
        ear.until_played(0.3)
        for _ in range(3):
            person.page.keyboard.press("ArrowRight")
        turns = 0
        while not turns:
            turns += ear.until_played(0.5).jumps

        assert person.page.get_attribute(".play", "aria-label") == "Pause"


def test_a_frozen_tab_goes_on_where_it_was(new_person: NewPerson, made: Made) -> None:
    """Browsers stop hidden tabs: nothing is fetched or drawn meanwhile, and nothing may be lost by it."""
    with listening(new_person, made) as (person, ear):
        person.page.keyboard.press("Space")
        last = ear.until_played(1.0).rows[-1, 2]
        devtools = person.page.context.new_cdp_session(person.page)
        devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
        devtools.send("Page.setWebLifecycleState", {"state": "active"})
        heard = ear.until_played(1.0)

        assert heard.rows[-1, 2] > last
        assert not heard.jumps


def test_a_tab_in_the_background_plays_on(new_person: NewPerson, made: Made) -> None:
    with listening(new_person, made) as (person, ear):
        person.page.keyboard.press("Space")
        last = ear.until_played(0.5).rows[-1, 2]
        other = person.page.context.new_page()
        other.bring_to_front()
        # further than what is held: chunks are fetched in the background, too
        heard = ear.until_played(8 * 65_536 / 44_100 + 1.0)
        waited = ear.judge.waited
        other.close()
        person.page.bring_to_front()

        assert heard.rows[-1, 2] - last > 8 * 65_536
        assert waited < 0.2 * ear.judge.blocks


def test_until_somebody_touches_the_page_play_stays_play(browser: Any, service: Service, made: Made) -> None:
    """Browsers keep a page silent that nobody has touched; then the button may not pretend."""
    careful = [flag for flag in QUIET if "autoplay" not in flag]
    started = browser.browser_type.launch(executable_path=chromium(), args=careful)
    try:
        context = started.new_context(storage_state=made.state)
        person = Person(context.new_page(), service)
        person.expect("AudioContext was not allowed to start")
        person.watch()
        person.page.goto(service.url + made.where)
        devtools = context.new_cdp_session(person.page)

        def ask(text: str) -> Any:
            """Playwright's own questions count as a touch."""
            return devtools.send(
                "Runtime.evaluate", {"expression": text, "userGesture": False, "awaitPromise": True}
            )

        label = "document.querySelector('.play')?.getAttribute('aria-label')"
        until = (
            "new Promise((done) => {{ const look = () => {} ? done(true) : setTimeout(look, 10); look(); }})"
        )
        ask(until.format("document.querySelector('.play:enabled')"))
        touched = ask("navigator.userActivation.hasBeenActive")["result"]["value"]
        ask("document.querySelector('.play').click()")
        pretended = ask(label)["result"]["value"]
        ask(until.format(f"{label} === 'Play'"))
        still = ask("navigator.userActivation.hasBeenActive")["result"]["value"]
        person.page.click(".play")
        person.hear("drums of song B")
        person.judge()
    finally:
        started.close()

    assert not touched
    assert not still
    assert pretended == "Pause"


SPEC = """title = "Rates"
bpm = 120
sample_rate = {rate}
[sections]
main = 16
[[stem]]
name = "drums"
drums = {{ pattern = "rock" }}
[[stem]]
name = "keys"
role = "keys"
score = {{ instrument = "Electric Piano 1", pattern = "comping", chords = "Am F C G" }}
"""


def test_stems_of_another_rate_than_the_device(new_person: NewPerson) -> None:
    """The desk counts frames of the stems, whatever the device runs at."""
    person = new_person(bypass_csp=True, before=script())
    person.come("#/produce")
    device = person.page.evaluate("new AudioContext().sampleRate")
    rate = 48_000 if device == 44_100 else 44_100
    person.page.fill("#spec", SPEC.format(rate=rate))
    person.page.wait_for_selector("text=Understood: Rates")
    person.page.click("text=Make the record")
    person.desk()
    tracks, _ = tracks_of(
        person.page, person.service.url.rstrip("/"), str(person.page.url).rpartition("/")[2]
    )
    ear = Ear(person.page, Judge(tracks), rate)
    person.page.click(".play")
    heard = ear.until_played(2.0)

    assert person.page.evaluate("tap.context.sampleRate") == rate
    assert ear.judge.together, ear.judge.error
    assert person.seconds() == pytest.approx(heard.rows[-1, 2] / rate, abs=1.0)


def test_a_browser_without_worklets_plays_and_mutes(new_person: NewPerson, made: Made) -> None:
    """Over plain http from another machine there are none."""
    without = "Object.defineProperty(BaseAudioContext.prototype, 'audioWorklet', { value: undefined })"
    person = new_person(storage_state=made.state, before=without)
    person.expect("ScriptProcessorNode")
    person.come(made.where)
    person.desk()
    person.page.keyboard.press("Space")
    person.hear("drums of song B")
    person.page.click("[aria-label='Mute drums of song B']")
    person.hear("drums of song B", sounds=False)
    person.page.click("[aria-label='Mute drums of song B']")
    person.hear("drums of song B")


MIXER_LOST_ONCE = """
const add = AudioWorklet.prototype.addModule;
AudioWorklet.prototype.addModule = async function () {
  AudioWorklet.prototype.addModule = add;
  throw new DOMException('Unable to load a worklet module.', 'AbortError');
};
"""


def test_a_mixer_that_did_not_come_is_fetched_again(new_person: NewPerson, made: Made) -> None:
    person = new_person(storage_state=made.state, before=MIXER_LOST_ONCE)
    person.come(made.where)
    person.desk()
    person.page.click(".play")
    person.page.wait_for_selector("text=The mixer could not be fetched")
    label = person.page.get_attribute(".play", "aria-label")
    person.page.click(".play")
    person.hear("drums of song B")

    assert label == "Play"


def test_listening_survives_a_killed_server(new_person: NewPerson, songs: Songs, tmp_path: Path) -> None:
    """What is held plays on; a jump beyond it waits until the service is back."""
    service = Service(tmp_path / "data")
    person = new_person(service)
    person.expect("net::ERR_", "502", "503")  # whatever the browser calls a server that is gone
    try:
        person.remix(songs)
        person.page.click(".play")
        person.hear("drums of song B")
        service.kill()
        person.go_to(0.8)
        person.page.wait_for_selector(".waiting")
        service.start()
        person.page.wait_for_selector(".waiting", state="detached")
        person.hear("drums of song B")
        begun = person.page.evaluate("performance.getEntriesByType('navigation').length")

        assert begun == 1, "nobody reloaded"
        assert person.page.locator(".notice.bad").count() == 0
    finally:
        service.stop()


def numbers(person: Person) -> list[int]:
    return [int(number) for number in person.page.evaluate("window.told")]


TOLD = """
window.told = [];
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', (message) => told.push(JSON.parse(message.data).number));
  }
};
"""


def test_a_job_killed_in_the_middle_goes_on_from_there(
    new_person: NewPerson, songs: Songs, tmp_path: Path
) -> None:
    """Killed twice: what was done is not done again, no line of the story is lost, none comes twice."""
    service = Service(tmp_path / "data")
    person = new_person(service, before=TOLD)
    person.expect("net::ERR_", "502", "503")  # whatever the browser calls a server that is gone
    done = ".step.done, .step.warn"
    try:
        person.come()
        person.bring_songs(songs)
        person.page.fill("#prompt", "A sings over the beat of B, and then B alone")
        person.page.click("text=Make the remix")
        seen: list[list[str]] = []
        for count in (2, 5):
            person.page.wait_for_function(f"() => document.querySelectorAll('{done}').length >= {count}")
            service.kill()
            person.page.wait_for_selector("text=The service is away")
            seen.append(person.page.locator(f".step:is({done}) > div > span:first-child").all_inner_texts())
            assert person.page.locator(".instrument").count() == 0, "killed in the middle"
            service.start()
            person.page.wait_for_selector("text=The service is away", state="detached")
        person.page.wait_for_selector(".story, .instrument")
        person.desk()
        heard = numbers(person)
        session = str(person.page.url).rpartition("/")[2]
        status = person.page.context.request.get(f"{service.url}api/remix/{session}/status").json()
        person.page.click(".play")
        person.moves_on(1.0)

        assert status["state"] == "complete"
        assert sorted(set(heard)) == list(range(1, max(heard) + 1)), "an event was lost"
        assert set(seen[0]) <= set(seen[1]), "a finished step was forgotten"
        assert len(seen[1]) == len(set(seen[1])), "a step stands there twice"
    finally:
        service.stop()

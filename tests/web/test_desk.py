"""The mixing desk: what is heard, how fast it answers, and that stems stay together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bench.page_bare import bare_tab
from bench.page_tap import GAINS_AT, Floats

from page_kit import STATIC, Made, NewPerson, Person, chromium, listening
from stemwright.audio import Audio
from stemwright.dsp.loudness import measure

pytestmark = pytest.mark.slow
ANSWER_MS = 50.0
MOST_TAB_BYTES = 600_000_000
MINUTES = 10
STEMS = 4

# four stems with the same impulses at powers of two, each through its own fetches: where they coincide to the
# sample their sum is 15, wherever they are apart it is not
TOGETHER = """async ([url, minutes, stems]) => {
  const rate = 8000, every = 1000, chunk = 65536, frames = chunk * 3;
  const context = new OfflineAudioContext(2, minutes * 60 * rate, rate);
  await context.audioWorklet.addModule(url);
  const node = new AudioWorkletNode(context, 'desk', {
    numberOfInputs: 0, outputChannelCount: [2], processorOptions: { tracks: stems, frames },
  });
  node.connect(context.destination);
  for (let track = 0; track < stems; track += 1) {
    for (let index = 0; index < 3; index += 1) {
      const plane = new Float32Array(chunk);
      for (let i = 0; i < chunk; i += 1) if ((index * chunk + i) % every === 0) plane[i] = 2 ** track;
      node.port.postMessage({ type: 'chunk', chunk: { track, index, planes: [plane] } });
    }
  }
  node.port.postMessage({ type: 'gains', gains: new Array(stems).fill(1) });
  node.port.postMessage({ type: 'loop', range: [12345, frames - 777] });
  node.port.postMessage({ type: 'play', on: true });
  let told = {}, rendered = null;
  node.port.onmessage = (message) => (told = message.data);
  const until = async (second) => {
    const stopped = context.suspend(second);
    if (rendered) await context.resume();
    else rendered = context.startRendering();
    await stopped;
    await new Promise((next) => setTimeout(next));
  };
  for (let at = 512; !told.playing; at += 512) await until(at / rate);
  for (let second = 7; second < minutes * 60; second += 7) {
    await until(second);
    node.port.postMessage({ type: 'seek', frame: (second * 7919) % (frames - 2000), number: second });
  }
  await context.resume();
  const sound = (await rendered).getChannelData(0);
  let full = 0, odd = 0;
  for (const value of sound) {
    if (value === 15) full += 1;
    // a fade around a jump lowers all stems by one factor; alone, a stem would leave another pattern
    else if (value !== 0 && Math.abs(value / 15 - Math.round(value / 15 * 32) / 32) > 1e-4) odd += 1;
  }
  return { full, odd, expected: minutes * 60 * rate / every };
}"""


def worklet() -> str:
    return f"/assets/{next((STATIC / 'assets').glob('desk.worklet-*.js')).name}"


def test_stems_stay_together_for_ten_minutes_of_play_seek_and_loop(person: Person) -> None:
    person.come()
    found = person.page.evaluate(TOGETHER, [worklet(), MINUTES, STEMS])

    assert found["odd"] == 0
    assert found["full"] > 0.9 * found["expected"]


@pytest.mark.parametrize("key", ["m", "s", "ArrowDown"])
def test_the_desk_answers_at_once(new_person: NewPerson, made: Made, key: str) -> None:
    """From the press of a key to other samples out of the worklet; mute and unmute, solo and all, softer."""
    with listening(new_person, made) as (person, ear):
        strip = ear.judge.steadiest(6 * ear.rate, 5 * ear.rate, among=person.page.locator(".strip").count())
        person.choose(strip)
        person.page.keyboard.press("Space")
        ear.until_played(6.0)
        if key == "ArrowDown":
            person.page.locator(".strip.selected input[type=range]").focus()
        taken = [ear.press(key) for _ in range(6)]

    # others use this machine, too: how long it takes at the worst is told by the bench
    assert min(taken[::2]) < ANSWER_MS, taken
    assert min(taken[1::2]) < ANSWER_MS, taken
    assert all(map(math.isfinite, taken)), taken


def test_everything_by_keyboard(at_desk: Person) -> None:
    person = at_desk
    keys = person.page.keyboard
    keys.press("Space")
    person.hear("drums of song B")
    keys.press("Space")
    before = person.seconds()
    for _ in range(2):
        keys.press("ArrowRight")
    after = person.seconds()
    for _ in range(9):
        keys.press("ArrowLeft")
    start = person.seconds()
    keys.press("ArrowDown")
    keys.press("m")
    muted = person.page.locator(".strip.selected .mute").get_attribute("aria-pressed")
    keys.press("m")
    keys.press("s")
    soloed = person.page.locator(".strip.selected .solo").get_attribute("aria-pressed")

    bar_s = 4 * 60 / 111
    assert after - before > bar_s * 1.4
    assert start == pytest.approx(0.0, abs=0.11)
    assert (muted, soloed) == ("true", "true")
    assert person.page.locator(".unheard").count() == person.page.locator(".strip").count() - 1


def test_solo_leaves_one_stem(at_desk: Person) -> None:
    person = at_desk
    person.page.click("[aria-label='Solo bass of song B']")
    person.page.click(".play")
    person.hear("bass of song B")
    person.hear("drums of song B", sounds=False)

    assert person.page.locator(".unheard").count() == person.page.locator(".strip").count() - 1


def test_a_section_loops(new_person: NewPerson, made: Made) -> None:
    with listening(new_person, made) as (person, ear):
        person.page.click(".section >> nth=0")
        person.page.click("text=Loop it")
        end_s = float(person.page.locator(".border").first.get_attribute("aria-valuenow") or 0) * 4 * 60 / 111
        person.page.click(".play")
        heard = ear.until_played(end_s + 2.0)

    assert heard.rows[:, 2].max() == pytest.approx(end_s * ear.rate, abs=128)
    turned = np.flatnonzero(np.diff(heard.rows[:, 1]) < 0) + 1
    assert len(turned)
    assert heard.rows[turned, 1].max() < 128


def loudness(samples: Floats) -> float:
    return measure(Audio(samples, 44_100), true_peak=False).integrated_lufs or -math.inf


def test_version_and_master_are_heard_at_equal_loudness(new_person: NewPerson, made: Made) -> None:
    with listening(new_person, made) as (person, ear):
        stems = person.page.locator(".strip").count()
        person.page.click(".takes >> text=Master")
        person.page.click(".play")
        gains = ear.until_played(1.5).rows[-1, GAINS_AT:]
        mix = loudness(np.sum(ear.judge.tracks[:stems], axis=0))
        master = loudness(ear.judge.tracks[stems])

        assert person.page.locator(".unheard").count() == stems

    assert not gains[:stems].any()
    assert master + 20 * math.log10(gains[stems]) == pytest.approx(min(mix, master), abs=0.2)


SPEC = """
title = "Long"
bpm = 120
[sections]
main = 480
"""
STEM = """
[[stem]]
name = "part {i}"
role = "keys"
gain_db = -3
score = {{ instrument = "{instrument}", pattern = "{pattern}", chords = "{chords}" }}
"""
PARTS = (
    ("Electric Piano 1", "comping", "Am F C G"),
    ("Acoustic Grand Piano", "sustained", "F G Am Am"),
    ("Drawbar Organ", "comping", "C G Am F"),
    ("Acoustic Grand Piano", "comping", "Am Am F G"),
    ("Electric Piano 1", "sustained", "F F C G"),
)


def test_four_minutes_of_stems_fit_into_a_tab(person: Person) -> None:
    named = enumerate(PARTS)
    text = SPEC + "".join(STEM.format(i=i, instrument=n, pattern=p, chords=c) for i, (n, p, c) in named)
    person.come("#/produce")
    person.page.fill("#spec", text)
    person.page.wait_for_selector("text=Understood: Long")
    person.page.click("text=Make the record")
    person.page.wait_for_selector(".play:enabled", timeout=120_000)
    with bare_tab(chromium()) as tab:
        tab.visit(person.page.url, person.page.context.cookies())
        tab.until("document.querySelector('.play:enabled')")
        tab.click(".play")
        for share in (0.1, 0.5, 0.9, 0.2, 0.7, 0.4, 0.95, 0.3):
            tab.click(".lane", share)
            tab.run("window.from = document.querySelector('.time').textContent")
            tab.until("document.querySelector('.time').textContent !== window.from")
            tab.until("!document.querySelector('.waiting')")
        held = 1e6 * tab.memory_mb("VmHWM")

    assert 0 < held < MOST_TAB_BYTES

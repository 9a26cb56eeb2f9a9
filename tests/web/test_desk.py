"""The mixing desk: what is heard, how fast it answers, and that stems stay together."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from page_kit import STATIC, Person

Songs = tuple[Path, Path]
pytestmark = pytest.mark.slow
ANSWER_MS = 50.0
MOST_TAB_BYTES = 600_000_000
MINUTES = 10
STEMS = 4

ANSWER = """async (label) => {
  const key = document.querySelector(`[aria-label='Mute ${label}']`);
  const row = key.closest('.strip');
  const loud = () => Number(row.style.getPropertyValue('--level')) > 0.01;
  const until = async (wanted) => {
    const began = performance.now();
    while (loud() !== wanted) await new Promise((next) => setTimeout(next, 1));
    return performance.now() - began;
  };
  const taken = [];
  for (let i = 0; i < 5; i += 1) {
    await until(true);
    key.click();
    taken.push(await until(false));
    key.click();
  }
  return taken.sort((a, b) => a - b);
}"""

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
  for (let second = 7; second < minutes * 60; second += 7) {
    context.suspend(second).then(() => {
      node.port.postMessage({ type: 'seek', frame: (second * 7919) % (frames - 2000) });
      return context.resume();
    });
  }
  await new Promise((next) => setTimeout(next, 200));
  const sound = (await context.startRendering()).getChannelData(0);
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


def test_the_desk_answers_at_once(person: Person, songs: Songs) -> None:
    person.remix(songs)
    person.page.keyboard.press("Space")
    person.hear("bass of song B")
    taken = person.page.evaluate(ANSWER, "bass of song B")

    assert taken[2] < ANSWER_MS, taken


def test_everything_by_keyboard(person: Person, songs: Songs) -> None:
    person.remix(songs)
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


def test_solo_leaves_one_stem(person: Person, songs: Songs) -> None:
    person.remix(songs)
    person.page.click("[aria-label='Solo bass of song B']")
    person.page.click(".play")
    person.hear("bass of song B")
    person.hear("drums of song B", sounds=False)

    assert person.page.locator(".unheard").count() == person.page.locator(".strip").count() - 1


def test_a_section_loops(person: Person, songs: Songs) -> None:
    person.remix(songs)
    person.page.click(".section >> nth=0")
    person.page.click("text=Loop it")
    person.page.click(".play")
    end_s = float(person.page.locator(".border").first.get_attribute("aria-valuenow") or 0) * 4 * 60 / 111
    seen = []
    for _ in range(int(end_s / 0.25) + 8):
        seen.append(person.seconds())
        person.page.wait_for_timeout(250)

    assert max(seen) <= end_s + 0.1
    assert any(later < sooner for sooner, later in pairwise(seen))


def test_version_and_master_are_heard_at_equal_loudness(person: Person, songs: Songs) -> None:
    person.remix(songs)
    person.page.click(".takes >> text=Master")
    person.page.click(".play")
    person.page.wait_for_timeout(2_000)

    assert person.seconds() > 0.5
    assert person.page.locator(".unheard").count() == person.page.locator(".strip").count()


def parent(pid: int) -> int:
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def is_ours(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        pid = parent(pid)
    return False


def tab_bytes() -> int:
    """Bytes that the largest tab of our browser holds."""
    sizes = [0]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (entry / "cmdline").read_bytes() and is_ours(int(entry.name)):
                sizes.append(int((entry / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE"))
        except OSError:  # it ended meanwhile
            continue
    return max(sizes)


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
    person.page.click(".play")
    for share in (0.1, 0.5, 0.9, 0.2, 0.7):
        box = person.page.locator(".lane").first.bounding_box()
        assert box is not None
        person.page.mouse.click(box["x"] + box["width"] * share, box["y"] + 10)
        person.hear("part 0")
        person.page.wait_for_timeout(1_500)
    held = tab_bytes()

    assert 0 < held < MOST_TAB_BYTES

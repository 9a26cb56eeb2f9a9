"""What the page of a remix shows beside that of a production: songs, wish, arrangement."""

from __future__ import annotations

import numpy as np

from stemwright.audio import Audio
from stemwright.checks import Report
from stemwright.delivery import GainBlock, PageData, SongCard, TrackRow, build_page, picture_of

HOSTILE = "<script>alert(1)</script>"


def page_of(**more: object) -> str:
    picture = picture_of(Audio(np.zeros((2, 44_100), np.float32), 44_100))
    blocks = (
        GainBlock(0, 22_050, 0.0, "intro: silent"),
        GainBlock(22_050, 44_100, 0.75, f"verse {HOSTILE}: gain 0.75"),
    )
    track = TrackRow("a_vocals", picture, blocks=blocks)
    data = PageData("A × B", 44_100, 44_100, tracks=[track], **more)  # type: ignore[arg-type]
    return build_page(Report("1", "remix", "A × B", ()), data)


def test_every_section_of_a_stem_is_a_block_as_high_as_its_gain() -> None:
    html = page_of()
    assert "Arrangement of a_vocals" in html
    assert "height:75%" in html
    assert "left:50.000%" in html


def test_songs_wish_and_explanation_are_shown_and_escaped() -> None:
    cards = [SongCard(f"Song A {HOSTILE}", (("Tempo", "92.3 bpm"), ("Key", "A minor (8A)"), ("Voice", "")))]
    html = page_of(songs=cards, asked=f"vocals of A {HOSTILE}", explanation="As asked.")
    assert "92.3 bpm" in html
    assert "The songs" in html
    assert "As asked." in html
    assert "<dt>Voice" not in html
    assert HOSTILE not in html


def test_a_production_has_none_of_it() -> None:
    html = page_of()
    assert "The songs" not in html
    assert 'class="asked"' not in html

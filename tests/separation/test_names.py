"""Which stem a model's source is."""

from __future__ import annotations

import numpy as np
import pytest

from signals import noise
from stemwright.separation.models import by_stem, stems_of
from stemwright.separation.protocol import FOUR_STEMS, SIX_STEMS
from stemwright.songs import SongStem


@pytest.mark.parametrize(
    ("sources", "stems"),
    [
        (["drums", "bass", "other", "vocals"], FOUR_STEMS),
        (["Vocals", "Instrumental"], FOUR_STEMS),
        (["drums", "bass", "other", "vocals", "guitar", "piano"], SIX_STEMS),
        (["vocals", "Piano", "accordion"], SIX_STEMS),
    ],
)
def test_guitars_or_keys_make_six_stems(sources: list[str], stems: tuple[SongStem, ...]) -> None:
    assert stems_of(sources) == stems


def test_sources_are_stems_by_any_case_and_the_first_of_two_counts() -> None:
    one, other, unknown = (noise(0.01, seed=seed).samples for seed in range(3))
    found = by_stem([("Vocals", one), ("other", other), ("Instrumental", unknown), ("accordion", unknown)])
    assert list(found) == [SongStem.VOCALS, SongStem.OTHER]
    np.testing.assert_array_equal(found[SongStem.VOCALS], one)
    np.testing.assert_array_equal(found[SongStem.OTHER], other)

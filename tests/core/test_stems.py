import pytest

from signals import noise
from stemwright.errors import InputError
from stemwright.stems import Role, StemSet, role_of


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("02 - Bass Guitar_48k.wav", Role.BASS),
        ("leadguitar.mp3", Role.GUITARS),
        ("Lead Vox", Role.LEAD),
        ("kick", Role.DRUMS),
        ("808", Role.BASS),
        ("Backing Vocals", Role.VOCALS),
        ("take_17", Role.OTHER),
    ],
)
def test_roles_are_read_from_words(name: str, role: Role) -> None:
    assert role_of(name) is role


def test_one_frame_of_difference_is_an_error() -> None:
    a, b = noise(1.0), noise(1.0 + 1 / 48_000)
    with pytest.raises(InputError, match=r"a 48000, b 48001"):
        StemSet({"a": a, "b": b})


def test_an_empty_set_cannot_be_built() -> None:
    with pytest.raises(InputError, match="got none"):
        StemSet({})


def test_a_set_knows_its_common_shape() -> None:
    stems = StemSet({"a": noise(0.1, channels=2), "b": noise(0.1, channels=2, seed=1)})
    assert (stems.sample_rate, stems.channels, stems.frames, len(stems)) == (48_000, 2, 4800, 2)
    assert [name for name, _ in stems] == ["a", "b"]

"""What points at other files never makes FFmpeg open one, whatever it pretends to be."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import av
import pytest

from signals import sine
from stemwright.errors import RefusedError, StemwrightError, UnreadableError
from stemwright.io import ffmpeg, sniff
from stemwright.io.ffmpeg import open_container
from stemwright.io.probe import probe
from stemwright.io.reader import open_audio
from stemwright.io.sniff import DEMUXERS, Kind
from stemwright.io.writer import write_audio

POINTERS = {
    "hls",
    "dash",
    "concat",
    "concatf",
    "sdp",
    "rtsp",
    "rtp",
    "imf",
    "image2",
    "lavfi",
    "webm_dash_manifest",
}


class Listener:
    """A port of this machine that counts who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/a.ts"

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A file that must not be opened through another one."""
    path = tmp_path / "secret.wav"
    write_audio(path, [sine(440, 1.0, sample_rate=8_000).samples], sample_rate=8_000, channels=1)
    return path


def hls(place: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{place}\n#EXT-X-ENDLIST\n".encode()


def dash(place: str) -> bytes:
    return (
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT10S"><Period><AdaptationSet mimeType="audio/mp4">'
        f'<Representation id="0" bandwidth="1"><BaseURL>{place}</BaseURL><SegmentBase/></Representation>'
        "</AdaptationSet></Period></MPD>"
    ).encode()


def concat(place: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{place}'\n".encode()


def sdp(place: str) -> bytes:
    return f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns={place}\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n".encode()


RIFF = b"RIFF\xff\xff\xff\x7fWAVE"
DISGUISES = {
    "plain": b"",
    "a byte order mark": b"\xef\xbb\xbf",
    "an ID3 tag": b"ID3\x04\0\0\0\0\0\x0a" + bytes(10),
    "a WAV header": RIFF,
    "a WAV with a data chunk": RIFF + b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0",
    "an MP4 header": b"\0\0\0\x10ftypM4A \0\0\0\0",
    "an Ogg page": b"OggS\0\x02" + bytes(21),
    "a FLAC marker": b"fLaC",
    "a Matroska header": b"\x1aE\xdf\xa3\x80",
    "an AVI header": b"RIFF\xff\xff\xff\x7fAVI LIST\x04\0\0\0hdrl",
    "an ASF header": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "two MP3 frame heads": b"\xff\xfb\x90\x64" * 2,
    "newlines": b"\n" * 5_000,
}


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("script", [hls, dash, concat, sdp])
def test_a_pointer_is_followed_in_no_disguise(
    tmp_path: Path, target: Path, listener: Listener, script: object, disguise: str
) -> None:
    for name, place in (("song.mp3", listener.url), ("song.m3u8", str(target))):
        path = tmp_path / name
        path.write_bytes(DISGUISES[disguise] + script(place))  # type: ignore[operator]
        for door in (open_audio, partial(probe, name=name)):
            with pytest.raises(StemwrightError) as found:
                door(path)
            assert name in str(found.value)
            assert "secret" not in str(found.value)

    assert listener.visits == 0


def test_ffmpeg_would_follow_them(target: Path) -> None:
    """So that the tests here can fail."""
    listener = Listener()
    with pytest.raises(av.FFmpegError):
        av.open(io.BytesIO(hls(listener.url)), format="hls")
    options = {"safe": "0"}
    with av.open(io.BytesIO(concat(str(target))), format="concat", options=options) as container:
        assert container.streams.audio[0].sample_rate == 8_000

    assert listener.visits > 0
    listener.close()


@pytest.mark.parametrize(
    ("script", "demuxer"), [(hls, "hls"), (dash, "dash"), (concat, "concat"), (sdp, "sdp")]
)
def test_even_their_own_demuxer_may_open_nothing(
    target: Path, listener: Listener, script: object, demuxer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were content ever taken for a playlist, the list stops it; were that gone too, the options do."""
    for place in (listener.url, str(target)):
        data: bytes = script(place)  # type: ignore[operator]
        with pytest.raises(RefusedError, match="not read here"):
            open_container(io.BytesIO(data), Kind("X", demuxer), name="x", size=len(data))
        with monkeypatch.context() as without:
            without.setattr(ffmpeg, "DEMUXERS", DEMUXERS | {demuxer})
            with pytest.raises(UnreadableError):
                open_container(io.BytesIO(data), Kind("X", demuxer), name="x", size=len(data))

    assert listener.visits == 0


def test_a_demuxer_is_never_guessed(target: Path) -> None:
    data = target.read_bytes()
    with pytest.raises(UnreadableError):
        open_container(io.BytesIO(data), Kind("CAF", "caf"), name="x", size=len(data))
    with open_container(io.BytesIO(data), Kind("WAV", "wav"), name="x", size=len(data)) as container:
        assert container.format.name == "wav"


def test_the_list_holds_only_demuxers_that_read_one_file() -> None:
    known = {name for demuxer in DEMUXERS for name in demuxer.split(",")}

    assert {demuxer.split(",")[0] for demuxer in DEMUXERS} <= av.formats_available
    assert POINTERS & av.formats_available
    assert not known & POINTERS
    assert {kind.demuxer for _, _, kind in sniff._MAGIC} <= DEMUXERS

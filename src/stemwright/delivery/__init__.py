"""Manifest, zip and report page of a finished run."""

from stemwright.delivery.canonical import canonical_json
from stemwright.delivery.manifest import (
    audio_entry,
    describe_file,
    describe_files,
    write_manifest,
    write_report_json,
)
from stemwright.delivery.page import build_page
from stemwright.delivery.page_data import (
    Figure,
    GainBlock,
    JoinMark,
    LoudnessCurve,
    PageData,
    SongCard,
    TrackRow,
)
from stemwright.delivery.picture import TrackPicture, picture_of

__all__ = [
    "Figure",
    "GainBlock",
    "JoinMark",
    "LoudnessCurve",
    "PageData",
    "SongCard",
    "TrackPicture",
    "TrackRow",
    "audio_entry",
    "build_page",
    "canonical_json",
    "describe_file",
    "describe_files",
    "picture_of",
    "write_manifest",
    "write_report_json",
]

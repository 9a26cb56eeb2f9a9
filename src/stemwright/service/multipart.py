"""Read a form with files as it comes: nothing is kept in memory and nothing is written twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, cast

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from stemwright.service.problems import ProblemError
from stemwright.service.receive import Reception

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["Fields", "Form", "boundary_of", "read_form"]

MAX_TEXT_BYTES = 16_384
MAX_PARTS = 64


@dataclass
class Form:
    """What a form held: texts and files by the names of their fields."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[Reception]] = field(default_factory=dict)

    def discard(self) -> None:
        """Remove files that were not taken over."""
        for receptions in self.files.values():
            for reception in receptions:
                reception.discard()


@dataclass(frozen=True)
class Fields:
    """Which files a form may have.

    Parameters
    ----------
    begin : callable
        Told field and file name, returns where the file goes; may refuse.
    several : frozenset of str
        Fields that may come more than once.
    long_texts : Mapping of str to int
        Texts that people send as a file, and their most bytes.
    """

    begin: Callable[[str, str], Reception]
    several: frozenset[str] = frozenset()
    long_texts: Mapping[str, int] = field(default_factory=dict)


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary of a form; None when it is something else."""
    kind, parameters = _parameters(content_type)
    boundary = parameters.get("boundary", "")
    return boundary.encode("latin-1", "replace") if kind == "multipart/form-data" and boundary else None


async def read_form(body: AsyncIterator[bytes], boundary: bytes, fields: Fields, form: Form) -> None:
    """Read a form.

    Parameters
    ----------
    body : AsyncIterator of bytes
        As it comes.
    boundary : bytes
        From `boundary_of`.
    fields : Fields
        What may be in it.
    form : Form
        Filled as parts come in; the caller discards it.

    Raises
    ------
    ProblemError
        422 for a form that is broken, has too many parts, or breaks off.
    """
    import asyncio

    parts = _Parts(form, fields)
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for piece in body:
            if piece:
                await asyncio.to_thread(parser.write, piece)
        parser.finalize()
    except MultipartParseError as error:
        raise ProblemError(422, "The form is broken: it could not be read as multipart/form-data.") from error
    if not parts.ended:
        raise ProblemError(422, "The form breaks off before its end.")


class _Parts:
    """Collects what the parser finds."""

    def __init__(self, form: Form, fields: Fields) -> None:
        self._form = form
        self._fields = fields
        self._count = 0
        self._header, self._value = bytearray(), bytearray()
        self._disposition = ""
        self._name = ""
        self._text: bytearray | None = None
        self._file: Reception | None = None
        self.ended = False

    def callbacks(self) -> MultipartCallbacks:
        names = (
            "part_begin", "header_field", "header_value", "header_end", "headers_finished",
            "part_data", "part_end", "end",
        )  # fmt: skip
        return cast("MultipartCallbacks", {f"on_{name}": getattr(self, f"_{name}") for name in names})

    def _part_begin(self) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise ProblemError(422, f"The form has more than {MAX_PARTS} parts.")
        self._disposition, self._text, self._file = "", None, None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value.decode("utf-8", "replace")
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        _, parameters = _parameters(self._disposition)
        self._name = parameters.get("name", "")
        fields, known = self._fields, self._form.texts.keys() | self._form.files.keys()
        if self._name in known and self._name not in fields.several:
            raise ProblemError(422, f"The form has the field {self._name[:40]!r} twice.")
        if "filename" in parameters and self._name not in fields.long_texts:
            self._file = fields.begin(self._name, parameters["filename"])
            self._form.files.setdefault(self._name, []).append(self._file)
        else:
            self._text = bytearray()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
        elif self._text is not None:
            self._text += data[start:end]
            if len(self._text) > self._fields.long_texts.get(self._name, MAX_TEXT_BYTES):
                raise ProblemError(422, f"The field {self._name[:40]!r} is too long.")

    def _part_end(self) -> None:
        if self._text is not None:
            try:
                self._form.texts[self._name] = self._text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ProblemError(422, f"The field {self._name[:40]!r} is not UTF-8 text.") from error

    def _end(self) -> None:
        self.ended = True


def _parameters(header: str) -> tuple[str, dict[str, str]]:
    """Split ``form-data; name="x"; filename*=UTF-8''y`` by the rules of RFC 2231 and RFC 5987."""
    message = Message()
    message["content-disposition"] = header.replace("\r", " ").replace("\n", " ")
    first, *rest = message.get_params(failobj=[("", "")], header="content-disposition")
    found: dict[str, str] = {}
    for name, value in rest:
        found.setdefault(name.lower(), _decoded(value))
    return first[0].lower(), found


def _decoded(value: str | tuple[str | None, str | None, str]) -> str:
    """Read a value as UTF-8, whatever charset it claims."""
    if isinstance(value, str):
        return value
    return value[2].encode("latin-1", "replace").decode("utf-8", "replace")

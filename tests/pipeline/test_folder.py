import json
from pathlib import Path

import pytest

from stemwright.errors import RefusedError, StorageError
from stemwright.pipeline.folder import RUN, OutputFolder, stamp_of


def publish(folder: Path, files: dict[str, str], *, force: bool = False) -> None:
    with OutputFolder(folder, force=force) as output:
        output.refuse_strangers(files)
        for name, text in files.items():
            path = output.staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        stamps = {name: stamp_of(output.staging / name) for name in files}
        (output.staging / RUN).write_text(json.dumps({"outputs": stamps}))
        output.publish([*files, RUN])


def test_what_a_run_made_may_be_replaced_by_the_next(tmp_path: Path) -> None:
    publish(tmp_path, {"stems/a.wav": "1", "mix.wav": "2"})
    publish(tmp_path, {"stems/b.wav": "3", "mix.wav": "4"})
    assert (tmp_path / "mix.wav").read_text() == "4"
    assert not (tmp_path / "stems/a.wav").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mix.wav", RUN, "stems"]


def test_what_stood_there_comes_back_when_its_place_can_not_be_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, {"master.wav": "first"})
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "master.wav" and self.name == "master.wav":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        publish(tmp_path, {"master.wav": "second"})
    assert (tmp_path / "master.wav").read_text() == "first"


def test_what_people_made_stays(tmp_path: Path) -> None:
    (tmp_path / "mix.wav").write_text("mine")
    with pytest.raises(RefusedError, match=r"mix\.wav is in the way"):
        publish(tmp_path, {"mix.wav": "2"})
    assert (tmp_path / "mix.wav").read_text() == "mine"
    publish(tmp_path, {"mix.wav": "2"}, force=True)
    assert (tmp_path / "mix.wav").read_text() == "2"


def test_what_people_edited_is_theirs(tmp_path: Path) -> None:
    publish(tmp_path, {"a.wav": "1", "b.wav": "1"})
    (tmp_path / "a.wav").write_text("edited")
    with pytest.raises(RefusedError, match=r"a\.wav is in the way"):
        publish(tmp_path, {"a.wav": "2"})
    publish(tmp_path, {"b.wav": "2"})
    assert (tmp_path / "a.wav").read_text() == "edited"


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with OutputFolder(tmp_path), pytest.raises(RefusedError, match="Another run"), OutputFolder(tmp_path):
        pass


def test_nothing_half_made_is_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), OutputFolder(tmp_path) as output:
        (output.staging / "mix.wav").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".stemwright-dead").mkdir()
    with OutputFolder(tmp_path):
        assert not (tmp_path / ".stemwright-dead").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be written"), OutputFolder(tmp_path / "file" / "out"):
        pass


def test_a_forged_list_reaches_nothing_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("keep")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / RUN).write_text(json.dumps({"outputs": {"../outside.txt": stamp_of(outside)}}))
    publish(folder, {"a.wav": "1"}, force=True)
    assert outside.read_text() == "keep"

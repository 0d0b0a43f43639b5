"""A video as a dataset: its frames, their times, and splits that share no moment."""

from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from uapseg.datasets import SPLITS, load_dataset, overlap
from uapseg.datasets.video import read_frame
from uapseg.errors import UapsegError


def clip(file: Path, seconds: int, *, still: bool = False, rate: int = 4) -> Path:
    """A clip of a bar that moves to the right; its shade tells the second."""
    with av.open(str(file), "w") as out:
        stream = cast("av.VideoStream", out.add_stream("libx264", rate=rate))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(seconds * rate):
            second = 0 if still else number // rate
            values = np.full((64, 96, 3), 20, np.uint8)
            values[:, 2 * second : 2 * second + 20] = 120 + 2 * second
            out.mux(stream.encode(av.VideoFrame.from_ndarray(values, format="rgb24")))
        out.mux(stream.encode(None))
    return file


def times(name: str, split: str) -> list[float]:
    return [float(key.partition("@")[2]) for key in load_dataset(name, split).keys]


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> str:
    return f"video:{clip(tmp_path_factory.mktemp('clip') / 'walk.mp4', 40)}"


def test_frames_are_apart_and_splits_are_further_apart(walk):
    parts = {split: times(walk, split) for split in SPLITS}
    assert np.diff(times(walk, "all")).min() >= 1 - 1e-3
    assert max(parts["train"]) + 2 <= min(parts["val"])
    assert max(parts["val"]) + 2 <= min(parts["test"])
    assert len(parts["train"]) > len(parts["val"]) >= 3
    assert len(parts["test"]) >= 3
    assert sum(map(len, parts.values())) < len(times(walk, "all")) == 40


def test_each_picture_is_the_frame_of_its_time(walk):
    dataset = load_dataset(walk, "test")
    assert dataset.size == (96, 64)
    for number in (len(dataset) - 1, 0, 2):
        second = round(float(dataset.keys[number].partition("@")[2]))
        bar = dataset.pictures([number])[0, :, 32, 2 * second + 10].float()
        assert (bar - (120 + 2 * second)).abs().max() <= 6
    assert dataset.truth([0]).unique().tolist() == [255]


def test_frames_may_be_further_apart(walk):
    assert len(times(f"{walk}?seconds=4", "all")) == 10
    assert overlap(load_dataset(walk, "train"), load_dataset(walk, "test")) == ()


def test_frames_that_show_nothing_new_are_left_out_and_counted(tmp_path):
    dataset = load_dataset(f"video:{clip(tmp_path / 'still.mp4', 6, still=True)}", "all")
    assert len(dataset) == 1
    assert dataset.notes == ("5 frames of still.mp4 show what the frame before shows: they are left out.",)


def test_a_frame_is_upright(tmp_path):
    content = bytearray(clip(tmp_path / "plain.mp4", 1).read_bytes())
    at = content.find(b"tkhd") + 44
    content[at : at + 36] = b"".join(
        value.to_bytes(4, signed=True) for value in (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    )
    (tmp_path / "turned.mp4").write_bytes(content)
    plain, turned = (np.asarray(read_frame(tmp_path / f"{name}.mp4", 0.0)) for name in ("plain", "turned"))
    assert turned.shape == (96, 64, 3)
    assert np.array_equal(turned, np.rot90(plain, -1))  # a phone held so that its right side is up


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("video:/no/such.mp4", "There is no file /no/such.mp4"),
        ("video:{file}", "cannot be read as a video"),
        ("video:{file}?seconds=0", "chooses nothing in a video"),
        ("video:{file}?every=2", "chooses nothing in a video"),
    ],
)
def test_what_is_no_video_is_one_sentence(name, message, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UapsegError, match=message):
        load_dataset(name.format(file=tmp_path / "text.mp4"), "train")


def test_a_clip_that_is_too_short_for_a_split_is_one_sentence(tmp_path):
    with pytest.raises(UapsegError, match="no pictures in the val split of short"):
        load_dataset(f"video:{clip(tmp_path / 'short.mp4', 5)}", "val")

"""The endpoints, as a program calls them: through `gradio_client`, over a real socket."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.conftest import greys
from tests.small_world import registry, served, small_world
from uapseg.app.handlers.context import Context
from uapseg.attack.perturbation import fit_picture
from uapseg.io.images import to_images
from uapseg.results.perturbation_file import load


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with small_world() as workspaces, served(Context(workspaces, registry())) as url:
        yield Client(url, verbose=False, download_files=str(tmp_path_factory.mktemp("client")))


@pytest.fixture(scope="module")
def trained(client: Client) -> tuple[dict, str]:
    return client.predict(text="o", budget=320, epsilon=10, api_name="/train")


def test_exactly_four_endpoints_are_public_and_documented(client: Client):
    named = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    assert set(named) == {"/train", "/evaluate", "/apply", "/models"}
    assert [each["parameter_name"] for each in named["/train"]["parameters"]][:4] == [
        "text", "region_class", "rest_class", "hide",
    ]  # fmt: skip
    assert all("Returns:" in each["description"] or len(each["description"]) > 40 for each in named.values())


def test_networks_and_pictures_are_listed_with_the_classes_of_those_that_are_loaded(client: Client):
    listed = client.predict(api_name="/models")
    assert set(listed["models"]) == {"greys", "hours"}
    assert set(listed["data"]) == {"plain:x"}
    assert listed["classes"]["greys"] == ["dark", "light", "never"]


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/passwd/../passwd", "../../etc/passwd"])
def test_an_address_of_the_page_gives_no_file_but_its_own(client: Client, path: str):
    with pytest.raises(AppError, match=r"Upload the file|not allowed|Cannot|wrong kind"):
        client.predict({"path": f"{client.src}gradio_api/file={path}"}, api_name="/evaluate")


def test_a_trained_perturbation_reaches_its_target_and_is_measured_the_same(client: Client, trained: tuple[dict, str]):
    figures, path = trained
    assert figures["perturbed"]["region_success"] > 0.9
    assert figures["clean"]["region_success"] == 0
    assert figures["image_gradients"] == 320
    again = client.predict(handle_file(path), api_name="/evaluate")
    assert again["perturbed"] == again["claimed"] == figures["perturbed"]
    assert again["random_noise"] == figures["random_noise"]


def test_what_the_rest_counts_can_be_set(client: Client):
    _, path = client.predict(text="o", budget=50, keep=2.0, api_name="/train")
    plan = load(Path(path)).plan
    assert plan is not None
    assert plan.settings.keep_weight == 2


def test_a_perturbation_is_laid_on_a_picture_of_any_size(client: Client, trained: tuple[dict, str], tmp_path: Path):
    Image.new("RGB", (120, 50), (104, 104, 104)).save(tmp_path / "mine.png")
    after, prediction, figures = client.predict(
        handle_file(trained[1]), handle_file(tmp_path / "mine.png"), strength=1.0, api_name="/apply"
    )
    change = np.asarray(Image.open(after)).astype(int) - 104
    expected = load(Path(trained[1])).levels.permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(change[:, :96], expected[:50])
    np.testing.assert_array_equal(change[:, 96:], expected[:50, :24])
    assert figures["changed"] > 0.1
    assert Image.open(prediction).size == (figures["width"], figures["height"]) == (120, 50)
    *_, nothing = client.predict(
        handle_file(trained[1]), handle_file(tmp_path / "mine.png"), strength=0.0, api_name="/apply"
    )
    assert nothing["changed"] == 0


def test_a_large_picture_is_made_to_fit_before_the_perturbation_is_laid_on(
    client: Client, trained: tuple[dict, str], tmp_path: Path
):
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(90, 120, (4, 6, 3), dtype=np.uint8))
    for number, times in enumerate((1, 3, 8)):
        file = tmp_path / f"{number}.png"
        small.resize((96 * times, 64 * times), Image.Resampling.NEAREST).save(file)
        after, prediction, figures = client.predict(handle_file(trained[1]), handle_file(file), api_name="/apply")
        given = fit_picture(Image.open(file), (96, 64))
        expected = np.asarray(given) + load(Path(trained[1])).levels.permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(np.asarray(Image.open(after)), expected)
        assert Image.open(prediction).size == (figures["width"], figures["height"]) == (96, 64)
        clean, perturbed = greys().predict(torch.cat([to_images(given), to_images(Image.open(after))]))
        assert figures["changed"] == pytest.approx((clean != perturbed).float().mean().item())


@pytest.mark.parametrize(("level", "strength"), [(100, 1.5), (140, 1.0), (200, 1.0), (-128, 1.0), (-200, 1.0)])
def test_large_changes_keep_their_sign(client: Client, tmp_path: Path, level: int, strength: float):
    Image.new("RGB", (96, 64), (100, 100, 100)).save(tmp_path / "mine.png")
    np.save(tmp_path / "noise.npy", np.full((3, 64, 96), level, np.int16))
    sent = (handle_file(tmp_path / "noise.npy"), handle_file(tmp_path / "mine.png"), strength)
    after, *_ = client.predict(*sent, api_name="/apply")
    assert (np.asarray(Image.open(after)) == min(255, max(0, 100 + round(level * strength)))).all()


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"text": ""}, "Type a word"),
        ({"budget": 5000}, "at most 2000"),
        ({"epsilon": 99}, "between 1 and 32"),
        ({"model": "evil.py:net"}, "does not offer"),
        ({"hide": ["elephant"]}, "no class 'elephant'"),
        ({"region_class": "light", "rest_class": "light"}, "two different"),
    ],
)
def test_an_error_is_reported_in_a_sentence(client: Client, sent: dict, sentence: str):
    with pytest.raises(AppError, match=sentence):
        client.predict(**sent, api_name="/train")


def test_no_file_of_the_server_is_read(client: Client, tmp_path: Path):
    (tmp_path / "secret.png").write_bytes(b"x")
    for sent in ({"path": str(tmp_path / "secret.png")}, {"path": "/etc/passwd"}, "/etc/passwd", None):
        with pytest.raises(AppError, match=r"Upload the file|not allowed|Cannot"):
            client.predict(sent, api_name="/evaluate")

"""What the page uses of Gradio's private parts is still there, and used in one file alone."""

import inspect
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr
import gradio.events
import gradio.utils
import pytest

import uapseg.app
from uapseg.app.gradio_private import local_file, upload_folder

PRIVATE = re.compile(r"^\s*(?:from|import) gradio\.(?!themes\b)\w+", re.MULTILINE)
"""Modules of Gradio: what it promises is in ``gradio`` itself and in ``gradio.themes``."""


def test_one_file_alone_imports_private_parts_of_gradio():
    found = {
        file.name
        for file in Path(uapseg.app.__file__).parent.glob("*.py")
        if any(
            PRIVATE.search(line)
            for line in file.read_text("utf-8").splitlines()
            if re.match(r"\s*(from|import) ", line)
        )
    }
    assert found == {"gradio_private.py"}


def test_uploads_are_stored_below_the_folder_that_gradio_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    assert upload_folder() == (tmp_path / "files").resolve()


def test_an_endpoint_is_added_with_the_arguments_that_the_page_gives():
    assert {"fn", "api_name", "concurrency_limit"} <= set(inspect.signature(gradio.events.api).parameters)


def test_every_event_of_a_page_goes_through_the_methods_that_the_page_overrides():
    for name, parameters in {"process_api": {"block_fn"}, "preprocess_data": set()}.items():
        method = getattr(gr.Blocks, name)
        assert inspect.iscoroutinefunction(method), name
        assert parameters <= set(inspect.signature(method).parameters), name


def test_a_method_bound_to_a_context_keeps_the_types_by_which_gradio_passes_requests_and_events():
    class Holder:
        def handler(self, token: str, event: gr.EventData) -> None: ...

    assert gradio.utils.get_type_hints(Holder().handler)["event"] is gr.EventData


def test_the_address_of_a_file_that_the_page_gave_stands_for_its_path():
    upload_folder().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=upload_folder()) as folder:
        file = Path(folder) / "a b.png"
        file.write_bytes(b"x")
        sent = {"path": f"http://here/gradio_api/file={folder}/a%20b.png", "meta": {}}
        assert local_file(sent)["path"] == str(file.resolve())
        wrong = {"path": "http://here/gradio_api/file=/etc/passwd"}
        for other in (wrong, {"path": str(file)}, {"path": 1}, "x", None):
            assert local_file(other) is other
    assert local_file(sent) is sent

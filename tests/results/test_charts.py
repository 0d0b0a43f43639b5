"""The chart of a race: every variant and both baselines are in it, and for hidden classes what hiding costs."""

import re

import pytest

from uapseg.results.charts import SHOWN, draw_benchmark

BASELINES = {"clean": {"target_success": 0.2}, "random_noise": {"target_success": 0.25}}
HIDING = {name: {"hidden": 0.1, "kept": 0.9, "kept_objects": 0.8} for name in BASELINES}


def variants(count: int, **scores: float | None) -> list[dict]:
    values = scores or {"target_success": 0.5}
    return [
        {"variant": f"variant-{place}", "perturbed": values, "curve": [[0, 0.1], [8, None], [16, 0.5]]}
        for place in range(count)
    ]


def words(picture: bytes) -> str:
    """The texts of a chart in SVG, where they are kept as comments beside their shapes."""
    return " | ".join(re.findall(r"<!-- (.*?) -->", picture.decode()))


def test_every_variant_and_both_baselines_are_named_with_their_figures():
    told = words(draw_benchmark(variants(3), BASELINES, "foo on scenes", kind="svg"))
    assert all(f"variant-{place}  50.0" in told for place in range(3))
    for text in (
        "random noise",
        "clean",
        "foo on scenes",
        "image-gradients",
        "target success on validation pictures, %",
    ):
        assert text in told


def test_hiding_has_a_second_chart_of_what_it_costs():
    told = words(draw_benchmark(variants(2, hidden=0.7, kept=0.9, kept_objects=0.8), HIDING, "hide", kind="svg"))
    assert "other objects kept, %" in told
    assert "other objects kept, %" not in words(draw_benchmark(variants(2), BASELINES, "foo", kind="svg"))


def test_variants_without_a_figure_and_more_variants_than_colours_are_drawn():
    nothing = variants(SHOWN + 4, hidden=None, kept=0.9, kept_objects=None)
    assert f"variant-{SHOWN + 3}" in words(draw_benchmark(nothing, HIDING, "hide", kind="svg"))


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_kind_of_file_is_what_is_asked_for(kind, start):
    assert draw_benchmark(variants(1), BASELINES, "foo", kind=kind).startswith(start)

"""Charts of the success rate: by work, by epsilon, by the other objects that are kept, and without each tile."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from uapseg.results.figures import encode_figure, new_figure, plain
from uapseg.tensors import Delta

if TYPE_CHECKING:
    from uapseg.results.attribution import Attribution
    from uapseg.results.benchmark import LeaderboardRow
    from uapseg.results.smallest import Point
    from uapseg.targets.metrics import Scores

Axes = Any
"""Axes of matplotlib, whose types are incomplete."""

TRADED = "kept_objects"
"""The score that a second chart plots against success, if the target has it: what success costs the rest."""

SHOWN = 10
"""The most variants with a colour of their own; the others are grey."""


def draw_benchmark(
    variants: Sequence["LeaderboardRow"], baselines: dict[str, "Scores"], title: str, kind: str = "png"
) -> bytes:
    r"""Draws the leaderboard of a benchmark.

    Args:
        variants: The result of `uapseg.results.benchmark.leaderboard`, best first.
        baselines: The scores of the ``clean`` pictures and with ``random_noise``.
        title: The title.
        kind: ``png``, or another format of matplotlib such as ``pdf``.

    Returns:
        The content of the file.

    Example:
        >>> variant = {"variant": "fast", "perturbed": {"hidden": 0.5}, "curve": [(0, 0.0), (8, 0.5)]}
        >>> baselines = {"clean": {"hidden": 0.0}, "random_noise": {"hidden": 0.1}}
        >>> draw_benchmark([variant], baselines, "Hide Pedestrian")[:4]
        b'\x89PNG'
    """
    trades = TRADED in variants[0]["perturbed"]
    figure = new_figure(13 if trades else 9, 5, "constrained")
    axes = figure.subplots(1, 2 if trades else 1, squeeze=False)[0]
    colours = [f"C{place}" if place < SHOWN else "0.75" for place in range(len(variants))]
    _draw_curves(axes[0], variants, baselines, colours)
    if trades:
        _draw_trade_off(axes[1], variants, colours)
    figure.suptitle(title, ha="left", x=0.01, fontsize=12, fontweight="bold")
    return encode_figure(figure, kind)


def draw_success_curve(points: Sequence["Point"], share: float, title: str, kind: str = "png") -> bytes:
    r"""Draws the success rate on the test pictures against epsilon, with intervals, beside random noise.

    Args:
        points: The result at each epsilon.
        share: The success rate to reach, in [0, 1].
        title: The title.
        kind: ``png``, or another format of matplotlib such as ``pdf``.

    Returns:
        The content of the file.

    Example:
        >>> from uapseg.results.smallest import Point
        >>> point = Point(epsilon=8, reached=True, validation={"hidden": 0.9}, perturbed={"hidden": 0.8},
        ...               interval={"hidden": [0.7, 0.9]}, clean={"hidden": 0.0}, random_noise={"hidden": 0.1},
        ...               image_gradients=400)
        >>> draw_success_curve([point], 0.8, "Hide Pedestrian")[:4]
        b'\x89PNG'
    """
    points = sorted(points, key=lambda point: point.epsilon)
    name = next(iter(points[0].perturbed))
    figure = new_figure(7, 4.5, "constrained")
    axis = figure.subplots()
    epsilons = [point.epsilon for point in points]
    shares = [100 * (point.perturbed[name] or 0) for point in points]
    intervals = [[100 * end for end in point.interval.get(name, [0, 0])] for point in points]
    error_bars = [[max(0, y - low) for y, (low, _) in zip(shares, intervals, strict=True)],
              [max(0, high - y) for y, (_, high) in zip(shares, intervals, strict=True)]]  # fmt: skip
    axis.errorbar(epsilons, shares, yerr=error_bars, marker="o", lw=1.8, capsize=3, label="perturbation")
    noise = [100 * (point.random_noise[name] or 0) for point in points]
    axis.plot(epsilons, noise, color="0.4", ls="--", lw=1, marker=".", label="random noise")
    axis.axhline(100 * share, color="0.4", ls=":", lw=1, label="asked for")
    axis.set_xlabel("epsilon, grey levels of 255")
    axis.set_ylabel(f"{name.replace('_', ' ')} on test pictures, %")
    axis.set_ylim(0, 100)
    axis.set_xlim(left=0)
    axis.legend(fontsize=8, frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, ha="left", x=0.01, fontsize=11, fontweight="bold")
    return encode_figure(figure, kind)


def draw_attribution(attribution: "Attribution", delta: Delta, title: str, kind: str = "png") -> bytes:
    r"""Draws what is lost without each tile of a perturbation, over the perturbation itself.

    Args:
        attribution: The success that is lost.
        delta: The perturbation (3, h, w) in [-1, 1].
        title: The title.
        kind: ``png``, or another format of matplotlib such as ``pdf``.

    Returns:
        The content of the file.

    Example:
        >>> import torch
        >>> from uapseg.results.attribution import Attribution
        >>> attribution = Attribution(model="street", data="street", split="test", pictures=64, score="hidden",
        ...                     success=0.8, lost=[[0.1, 0.3]], interval=[[[0.0, 0.2], [0.2, 0.4]]])
        >>> draw_attribution(attribution, torch.zeros(3, 48, 64), "without Pedestrian")[:4]
        b'\x89PNG'
    """
    height, width = delta.shape[-2:]
    rows, columns = len(attribution.lost), len(attribution.lost[0])
    figure = new_figure(7, 7 * height / width + 0.8, "constrained")
    axis = figure.subplots()
    axis.imshow(plain(delta), extent=(0, columns, rows, 0), aspect="auto")
    lost_points = [[100 * each for each in row] for row in attribution.lost]
    largest = max(max(map(abs, row)) for row in lost_points) or 1
    heat = axis.imshow(
        lost_points,
        extent=(0, columns, rows, 0),
        aspect="auto",
        cmap="RdBu_r",
        vmin=-largest,
        vmax=largest,
        alpha=0.75,
    )
    for row, each in enumerate(lost_points):
        for column, points in enumerate(each):
            colour = "white" if abs(points) > 0.7 * largest else "black"
            axis.text(column + 0.5, row + 0.5, f"{points:+.1f}", ha="center", va="center", fontsize=9, color=colour)
    axis.set_xticks([])
    axis.set_yticks([])
    figure.colorbar(
        heat, ax=axis, label=f"{attribution.score.replace('_', ' ')} lost without the tile, percentage points"
    )
    figure.suptitle(title, ha="left", x=0.01, fontsize=11, fontweight="bold")
    return encode_figure(figure, kind)


def _draw_curves(
    axis: Axes, variants: Sequence["LeaderboardRow"], baselines: dict[str, "Scores"], colours: list[str]
) -> None:
    name = next(iter(variants[0]["perturbed"]))
    for variant, colour in zip(variants, colours, strict=True):
        image_gradients, share = zip(*variant["curve"], strict=True)
        values = [100 * value if value is not None else float("nan") for value in share]
        label = f"{variant['variant']}  {100 * (variant['perturbed'][name] or 0):.1f}"
        axis.plot(
            image_gradients, values, color=colour, lw=1.8, label=label, zorder=2 if colour.startswith("C") else 1
        )
    for baseline, style in (("random_noise", "--"), ("clean", ":")):
        if (value := baselines[baseline][name]) is not None:
            axis.axhline(100 * value, color="0.4", ls=style, lw=1, label=baseline.replace("_", " "))
    axis.set_xlabel("image-gradients")
    axis.set_ylabel(f"{name.replace('_', ' ')} on validation pictures, %")
    axis.set_ylim(0, 100)
    axis.legend(fontsize=8, frameon=False, title="on test pictures, %", title_fontsize=8, loc="upper left",
                bbox_to_anchor=(1.0, 1.0))  # fmt: skip
    axis.spines[["top", "right"]].set_visible(False)


def _draw_trade_off(axis: Axes, variants: Sequence["LeaderboardRow"], colours: list[str]) -> None:
    success = next(iter(variants[0]["perturbed"]))
    for variant, colour in zip(variants, colours, strict=True):
        kept_share, success_share = (100 * (variant["perturbed"][name] or 0) for name in (TRADED, success))
        axis.scatter(kept_share, success_share, color=colour, s=36, zorder=2)
        axis.annotate(
            variant["variant"], (kept_share, success_share), xytext=(4, 3), textcoords="offset points", fontsize=7
        )
    axis.set_xlabel("other objects kept, %")
    axis.set_ylabel(f"{success.replace('_', ' ')}, %")
    axis.set_title("on test pictures: further right and up is better", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)

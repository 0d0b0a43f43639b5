"""A changed setting loads and predicts nothing that the run before it had already."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.small_world import small_world
from uapseg.attack import run as runs
from uapseg.attack.run import Plan, run
from uapseg.attack.run_cache import RunCache
from uapseg.attack.settings import fast
from uapseg.models import Segmenter
from uapseg.targets import HideClasses, Target

HIDE = HideClasses(classes=("dark",), fill="light")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """How often networks and datasets are loaded, and how many pictures are predicted."""
    counted: Counter = Counter()
    load_model, load_dataset, predict = runs.load_model, runs.load_dataset, Segmenter.predict

    def model(*args: object, **ways: object) -> Segmenter:
        counted["networks"] += 1
        return load_model(*args, **ways)  # type: ignore[arg-type]

    def dataset(*args: object, **ways: object) -> object:
        counted["datasets"] += 1
        return load_dataset(*args, **ways)  # type: ignore[arg-type]

    def predicted(self: Segmenter, images):
        counted["pictures"] += len(images)
        return predict(self, images)

    monkeypatch.setattr(runs, "load_model", model)
    monkeypatch.setattr(runs, "load_dataset", dataset)
    monkeypatch.setattr(Segmenter, "predict", predicted)
    with small_world():
        yield counted


def plan(target: Target = HIDE, **changes: object) -> Plan:
    settings = fast(epsilon=10 / 255, budget=640, validation_pictures=16, validate_every=4, **changes)
    return Plan(model="greys", data="plain:x", target=target, settings=settings)


def test_a_changed_setting_loads_nothing_and_predicts_no_clean_picture_again(calls: Counter):
    cache = RunCache()
    steps = run(plan(), cache=cache)
    next(steps)
    first, state = Counter(calls), next(steps).state
    assert (first["networks"], first["datasets"]) == (1, 2)
    changed = plan(keep_weight=2.0)
    steps = run(changed, state=state.with_settings(changed.settings, same_target=True), cache=cache)
    next(steps)
    assert calls["networks"] == 1
    assert calls["datasets"] == 2
    before = calls["pictures"]
    assert next(steps).state.validation.image_gradients == 0  # it is seen before it is measured
    assert calls["pictures"] - before <= 8  # those of the batch that no step has had yet
    assert next(steps).state.validation.image_gradients > 0


def test_another_epsilon_is_trained_with_before_its_random_noise_is_measured(calls: Counter):
    cache = RunCache()
    steps = run(plan(), cache=cache)
    next(steps)
    state = next(steps).state
    changed = replace(plan(), settings=replace(plan().settings, epsilon=20 / 255))
    steps = run(changed, state=state.with_settings(changed.settings, same_target=True), cache=cache)
    before = calls["pictures"]
    assert next(steps).baselines.keys() == {"clean"}
    next(steps)
    assert calls["pictures"] - before <= 8  # those of the batch that no step has had yet
    assert next(steps).baselines.keys() == {"clean", "random_noise"}


def test_random_noise_and_clean_pictures_are_measured_once_for_a_target(calls: Counter):
    cache = RunCache()
    next(run(plan(), cache=cache))
    before = calls["pictures"]
    next(run(plan(keep_weight=0.5), cache=cache))
    assert calls["pictures"] == before


def test_another_target_shares_network_and_pictures(calls: Counter):
    cache = RunCache()
    next(run(plan(), cache=cache))
    next(run(plan(HideClasses(classes=("dark",))), cache=cache))
    assert (calls["networks"], calls["datasets"]) == (1, 2)


def test_without_a_cache_each_run_loads_for_itself(calls: Counter):
    for _ in range(2):
        next(run(plan()))
    assert calls["networks"] == 2


def test_of_each_kind_the_last_few_are_kept():
    cache, made = RunCache(limit=2), []
    for key in (1, 2, 1, 3, 1, 2):
        cache.get("kind", key, lambda key=key: made.append(key))
    assert made == [1, 2, 3, 2]

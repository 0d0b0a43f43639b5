"""The target that the flags of a command describe."""

from pathlib import Path

from uapseg.attack.word_classes import FULL_GRADIENTS, choose_pair, trial_size
from uapseg.cli.flags import KEEP, Options
from uapseg.cli.output import print_progress
from uapseg.datasets import Dataset, load_dataset
from uapseg.errors import UapsegError
from uapseg.io.images import decode
from uapseg.models import Segmenter
from uapseg.targets import DrawAndHide, HideClasses, StaticTarget, SwapClasses, Target, Untargeted
from uapseg.targets.drawing import label_map_target, mask_target, read_mask, text_target
from uapseg.targets.goals import class_indices
from uapseg.targets.people import expand_people


def target_of(options: Options, model: Segmenter, data: str, size: tuple[int, int]) -> Target | None:
    """The target of the flags; None if they name none.

    Args:
        options: With the flags of a target.
        model: The network, whose classes are meant.
        data: The name of the dataset, for a scene.
        size: (width, height) of the perturbation, for a text.

    Raises:
        UapsegError: A class, a picture or a scene is not there, or two flags do not go together.

    Example:
        >>> from uapseg.cli.parser import make_parser
        >>> from uapseg.models import load_model
        >>> options = make_parser().parse_args(["train", "--swap", "car", "bicyclist"])
        >>> target_of(options, load_model("street:small"), "street", (384, 256)).title
        'Car as Bicyclist'
    """
    _check_company(options)
    if options.text is not None or options.mask is not None:
        target = _drawing(options, model, size)
        return DrawAndHide.of(target, _hide(options, model)) if options.hide else target
    if options.hide:
        return _hide(options, model)
    return _scene_target(options, model, data)


def _scene_target(options: Options, model: Segmenter, data: str) -> Target | None:
    """The target of a flag that concerns every pixel, and so excludes the others."""
    if options.swap:
        source, into = (_spell_class(name, model) for name in options.swap)
        return SwapClasses(source=source, into=into)
    if options.untargeted:
        return Untargeted()
    if options.scene is not None:
        return _scene(options.scene, model, load_dataset(data, "train", options.size))
    return None


def _hide(options: Options, model: Segmenter) -> HideClasses:
    fill = _spell_class(options.fill, model) if options.fill else None
    return HideClasses(classes=_classes_to_hide(options.hide, model), fill=fill)


def _drawing(options: Options, model: Segmenter, size: tuple[int, int]) -> StaticTarget:
    inside, rest = _pair(options, model)
    if options.text is not None:
        return text_target(options.text, inside, rest, size)
    return mask_target(
        read_mask(decode(options.mask, wide=True), invert=options.invert), inside, rest, _caption(options.mask)
    )


def leaves_pair_open(options: Options) -> bool:
    """Whether the classes of a word are to be chosen, by trials that cost at most a twentieth of the run.

    With a tile, several networks or a rest that is kept, the network's default pair is taken.

    Example:
        >>> from uapseg.cli.flags import fill_defaults
        >>> from uapseg.cli.parser import make_parser
        >>> options = fill_defaults(make_parser().parse_args(["train", "--text", "foo", "--budget", "4000"]))
        >>> leaves_pair_open(options)
        True
    """
    names_both = (options.region_class and options.rest_class) or (options.rest_class or "").lower() == KEEP
    is_plain_run = not (names_both or options.tile or options.also or options.hide)
    return options.text is not None and is_plain_run and options.budget >= 20 * FULL_GRADIENTS


def choose_word_pair(options: Options, model: Segmenter, size: tuple[int, int]) -> tuple[str, str]:
    """Chooses the classes of a word that the flags leave open, and reports them.

    Args:
        options: With the flags of ``train``.
        model: The network.
        size: (width, height) of the pictures.

    Raises:
        UapsegError: A class is unknown, or two flags do not go together.
    """
    _check_company(options)
    small_size = trial_size(size)
    inside, rest = (_spell_class(name, model) if name else None for name in (options.region_class, options.rest_class))
    print_progress("Trying pairs of classes for the word...")
    pair, count = choose_pair(
        model,
        load_dataset(options.data, "train", small_size),
        options.text,
        epsilon=options.epsilon / 255,
        work=FULL_GRADIENTS * (size[0] * size[1]) / (small_size[0] * small_size[1]),
        seed=options.seed,
        inside=inside,
        rest=rest,
    )
    if count > 1:
        print_progress(
            f"The word is drawn in {pair[0]} on {pair[1]}, the best of {count} pairs in brief trials: --region-class "
            "and --rest-class choose others."
        )
    return pair


def names_target(options: Options) -> bool:
    """Whether any flag names a target; the number of a scene may be 0.

    Example:
        >>> from uapseg.cli.parser import make_parser
        >>> names_target(make_parser().parse_args(["evaluate", "a.png", "--scene", "0"]))
        True
    """
    target_flags = (options.text, options.mask, options.scene, options.hide, options.swap)
    return options.untargeted or any(value is not None for value in target_flags)


def _caption(file: Path) -> str:
    """The name of a file; a character that is not valid Unicode becomes a question mark."""
    return file.name.encode(errors="replace").decode()


def check_fit(target: Target, model: Segmenter, size: tuple[int, int], file: Path) -> None:
    """Checks that a network has the classes of a target.

    Args:
        target: The target.
        model: The network.
        size: The (width, height) of the perturbation.
        file: The file of the perturbation, for error messages.

    Raises:
        UapsegError: A class is missing; the message names the file and the network.

    Example:
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import HideClasses
        >>> check_fit(HideClasses(classes=("Car",)), load_model("street:small"), (384, 256), Path("a.png"))
    """
    try:
        target.bind(model.classes, model.objects, size)
    except UapsegError as error:
        raise UapsegError(f"The perturbation {file} does not fit the network {model.name}: {error}") from error


def _check_company(options: Options) -> None:
    """Checks that no flag is given without the one that it depends on."""
    drawing = options.text is not None or options.mask is not None
    for flag, value, is_allowed, partner in (
        ("--region-class", options.region_class, drawing, "--text or --mask"),
        ("--rest-class", options.rest_class, drawing, "--text or --mask"),
        ("--invert", options.invert, options.mask is not None, "--mask"),
        ("--fill", options.fill, bool(options.hide), "--hide"),
        (
            "--keep-weight",
            getattr(options, "keep_weight", None),
            not options.untargeted,
            "a target that keeps something",
        ),
    ):
        if value and not is_allowed:
            raise UapsegError(f"{flag} goes with {partner} only: leave it out.")


def _pair(options: Options, model: Segmenter) -> tuple[str, str | None]:
    """The classes of the drawn region and of the rest; None for the rest if it is kept."""
    inside = _spell_class(options.region_class or model.default_pair[0], model)
    rest = options.rest_class or (KEEP if options.hide else model.default_pair[1])
    if rest.lower() == KEEP:
        return inside, None
    if _spell_class(rest, model) == inside:
        raise UapsegError(
            f"Region and rest are both {inside}: choose two classes with --region-class and --rest-class."
        )
    return inside, _spell_class(rest, model)


def _scene(number: int, model: Segmenter, dataset: Dataset) -> StaticTarget:
    if not 0 <= number < len(dataset):
        raise UapsegError(f"There is no training picture {number}: choose from 0 to {len(dataset) - 1}.")
    device = next(model.buffers()).device
    labels = model.predict(dataset.pictures([number]).to(device).float() / 255)[0]
    return label_map_target(labels.cpu().numpy(), model.classes, None, f"scene {number}")


def _classes_to_hide(names: list[str], model: Segmenter) -> tuple[str, ...]:
    """The classes to hide, each once; ``people`` stands for all that are people, unless a class is called so."""
    hidden = tuple(dict.fromkeys(_spell_class(name, model) for name in expand_people(names, model.classes)))
    other_people = [name for name in model.people if name not in hidden]
    if other_people and set(hidden) & set(model.people):
        print_progress(
            f"The network may see {' or '.join(other_people)} where it saw {' or '.join(hidden)}: "
            "--hide people hides both."
        )
    return hidden


def _spell_class(name: str, model: Segmenter) -> str:
    """The name of a class as the network spells it."""
    (number,) = class_indices((name,), model.classes)
    return model.classes[number]

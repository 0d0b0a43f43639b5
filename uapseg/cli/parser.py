"""The commands, their flags and their help. Nothing heavy is imported before a command runs."""

from argparse import BooleanOptionalAction
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from uapseg.cli.flags import (
    PERTURBATION,
    Options,
    Parser,
    add_checks,
    add_device,
    add_networks,
    add_perturbation,
    add_report,
    add_target,
    add_trust,
    check_target,
    count,
    counts,
    epsilon,
    number,
    port,
    seed,
    size,
    without_defaults,
)


def make_parser() -> Parser:
    """The parser of all commands; the options it returns are passed to their ``command``.

    Example:
        >>> options = make_parser().parse_args(["evaluate", "foo.png", "--split", "test"])
        >>> options.perturbation, options.split
        (PosixPath('foo.png'), 'test')
    """
    parser = Parser(
        prog="python -m uapseg", description="Universal adversarial perturbations against semantic segmentation."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, module: str, text: str, *, json: bool = True) -> Parser:
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.set_defaults(command=_lazy_command(module, name))
        if json:
            command.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
        return command

    _train(
        add("train", "train", "train a perturbation, save it as a run folder, and evaluate it on the test pictures")
    )
    _resume(add("resume", "train", "continue a stopped run exactly where it stopped"))
    _evaluate(add("evaluate", "evaluate", "evaluate a perturbation, beside clean pictures and random noise"))
    _apply(add("apply", "pictures", "add a perturbation to pictures, and save them and their segmentation"))
    _figure(
        add("figure", "pictures", "draw pictures and their segmentation before and after the perturbation of a run")
    )
    _push(add("push", "push", "write a finished run to a repository of the Hugging Face Hub, with a model card"))
    models = add("models", "listings", "list the networks with their licence and download size")
    models.add_argument("names", nargs="*", metavar="NAME", help="only these networks, with all of their classes")
    models.add_argument("--size", type=size, metavar="WIDTHxHEIGHT", help="check that they take pictures of this size")
    add_checks(models)
    datasets = add("datasets", "listings", "list the datasets with their licence and download size")
    datasets.add_argument("names", nargs="*", metavar="NAME", help="only these datasets, such as camvid:FOLDER")
    _race(add("race", "race", "compare variants of the settings at an equal budget"))
    _transfer(add("transfer", "transfer", "evaluate perturbations on several networks: how well they transfer"))
    _compare(add("compare", "compare", "compare two perturbations on the same pictures, which neither was trained on"))
    _attribute(
        add("attribute", "attribute", "measure which tiles of a perturbation matter, by leaving out one at a time")
    )
    _smallest(add("smallest", "smallest", "find the smallest epsilon that reaches a given success rate"))
    _app(add("app", "app", "start the page, to be opened in a browser", json=False))
    _bench(add("bench", "bench", "time a training step against the bare forward pass and input gradient of its batch"))
    return parser


NORMS = ("linf", "l2")

PLANNED = (
    "model", "weights", "data", "size", "eval_data", "also", "invert", "region_class", "rest_class", "fill", "epsilon",
    "norm", "budget", "preset", "omega", "keep_weight", "balanced", "crop", "paste", "robust", "seed", "tile",
    "train_pictures", "validate_every", "first_validation", "validation_pictures",
)  # fmt: skip
"""The flags of train that a plan replaces."""


def _train(parser: Parser) -> None:
    add_networks(parser, "street", "street")
    add_report(parser)
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="NAME",
        help="a further network to attack at the same time (repeatable)",
    )
    add_target(parser, plan=True)
    add_trust(parser, "with --plan: ")
    _add_training(parser)
    _add_training_pictures(parser)
    _add_validation(parser)
    without_defaults(parser, PLANNED)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the run folder (default: a new one under runs/)")
    parser.add_argument("--overwrite", action="store_true", help="replace the run in that folder")
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="PERTURBATION",
        help=f"start from {PERTURBATION} (default: from zero)",
    )  # fmt: skip
    add_device(parser)


def _add_training(parser: Parser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument(
        "--epsilon", type=epsilon, default=10.0, metavar="GREY_LEVELS",
        help="largest perturbation, in grey levels of 255, as --norm measures it (default: 10)",
    )  # fmt: skip
    group.add_argument(
        "--norm", choices=NORMS, default="linf",
        help="what epsilon bounds: each value (linf), or the root mean square of all values (l2), so that the "
        "Euclidean norm is at most epsilon / 255 * sqrt(3 * width * height) (default: linf)",
    )  # fmt: skip
    group.add_argument(
        "--budget",
        type=count,
        default=4000,
        metavar="IMAGE_GRADIENTS",
        help="forward and backward passes of one picture (default: 4000)",
    )
    group.add_argument(
        "--preset", choices=("fast", "paper"), default="fast", help="fast, or the published method (default: fast)"
    )
    group.add_argument(
        "--omega", type=number, metavar="SHARE", help="with --preset paper: weight of hidden pixels (default: 0.9999)"
    )
    group.add_argument(
        "--keep-weight",
        "--keep",
        type=number,
        metavar="WEIGHT",
        help="multiplies the weight of all but the letters or the hidden classes (default: 1)",
    )
    group.add_argument("--seed", type=seed, default=0, metavar="N", help="random seed (default: 0)")
    group.add_argument(
        "--tile",
        type=size,
        metavar="WxH",
        help="size of the perturbation, which repeats (default: that of the pictures)",
    )


def _add_training_pictures(parser: Parser) -> None:
    group = parser.add_argument_group("training pictures")
    group.add_argument(
        "--train-pictures", type=count, metavar="N", help="how many training pictures to use (default: all)"
    )
    group.add_argument(
        "--robust", action="store_true", help="train through JPEG, resizing, blur, brightness, shift and zoom"
    )
    group.add_argument(
        "--balanced", action="store_true", help="draw pictures so that each object class is equally frequent"
    )
    group.add_argument(
        "--crop",
        action=BooleanOptionalAction,
        help="train on a random part of each picture, at least half as wide and high, at the resolution of its file; "
        "with --hide this costs another forward pass (default: if objects are pasted)",
    )
    group.add_argument(
        "--paste",
        type=int,
        metavar="N",
        help="with --hide: paste the objects of these classes from N training pictures into each (default: 1 if "
        "the budget covers each picture more than ten times, else 0), with dual averaging, cosine loss, crops, flips",
    )


def _add_validation(parser: Parser) -> None:
    group = parser.add_argument_group("validation")
    group.add_argument(
        "--validate-every", type=count, metavar="N", help="image-gradients between two validations (default: 200)"
    )
    group.add_argument(
        "--first-validation",
        type=count,
        metavar="N",
        help="image-gradients before the first validation (default: as --validate-every)",
    )
    group.add_argument(
        "--validation-pictures",
        type=count,
        metavar="N",
        help="how many validation pictures select the best iterate (default: 32)",
    )


def _resume(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the run folder")
    add_trust(parser)
    add_checks(parser)
    add_device(parser)


def _push(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the run folder")
    parser.add_argument("repo", metavar="USER/NAME", help="the repository, which is created if it does not exist")
    parser.add_argument(
        "--license", default="other", metavar="ID",
        help="the licence of the perturbation, such as mit or cc-by-4.0 (default: other)",
    )  # fmt: skip
    parser.add_argument("--private", action="store_true", help="make a new repository private")


def _race(parser: Parser) -> None:
    add_networks(parser, "street", "street")
    add_report(parser)
    add_target(parser)
    variants = parser.add_mutually_exclusive_group()
    variants.add_argument(
        "--variants",
        metavar="NAME,NAME…",
        help="such as paper,fast,fast+margin+tile-128 (default: fast with one change at a time)",
    )
    variants.add_argument(
        "--best",
        type=count,
        metavar="N",
        help="only the N best variants of an earlier race with a smaller budget in the same file",
    )
    parser.add_argument(
        "--epsilon",
        type=epsilon,
        default=10.0,
        metavar="GREY_LEVELS",
        help="largest change of any value (default: 10)",
    )
    parser.add_argument(
        "--budget", type=count, default=800, metavar="IMAGE_GRADIENTS", help="budget of each variant (default: 800)"
    )
    parser.add_argument(
        "--seeds", type=count, default=1, metavar="K", help="how many seeds each variant runs with (default: 1)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/race.jsonl"), metavar="FILE",
        help="adds results to this file and skips what it holds (default: runs/race.jsonl)",
    )  # fmt: skip
    add_device(parser)


def _transfer(parser: Parser) -> None:
    parser.add_argument(
        "perturbations",
        nargs="+",
        type=Path,
        metavar="PERTURBATION",
        help="perturbations of runs: PNG, safetensors, folders, or hf-hub:USER/NAME",
    )
    parser.add_argument("--models", required=True, metavar="NAME,NAME…", help="the networks to attack")
    parser.add_argument("--data", metavar="NAME", help="the dataset (default: that of each perturbation)")
    parser.add_argument("--size", type=size, metavar="WIDTHxHEIGHT", help="scale and crop pictures to this size")
    parser.set_defaults(split=None, eval_data=None)  # always what each run reports on
    add_checks(parser)
    add_device(parser)


def _evaluate(parser: Parser) -> None:
    add_perturbation(parser)
    add_networks(parser, None, None)
    add_report(parser)
    parser.add_argument(
        "--robustness",
        action="store_true",
        help="also evaluate after recompression, resizing, blur and other transforms",
    )
    _add_split(parser)
    add_target(parser, default="that of the perturbation")
    parser.add_argument(
        "--norm", choices=NORMS,
        help="for a perturbation without a plan: whether random noise has the same largest value (linf, the default) "
        "or the same root mean square (l2)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="random seed of the noise and the bootstrap (default: 0)"
    )
    add_device(parser)


def _add_split(parser: Parser) -> None:
    parser.add_argument(
        "--split",
        choices=("train", "val", "test", "all"),
        help="which pictures (default: those that the run reports on)",
    )


def _smallest(parser: Parser) -> None:
    add_networks(parser, "street", "street")
    add_report(parser)
    add_target(parser)
    parser.add_argument(
        "--share", type=number, default=0.8, metavar="SHARE", help="the success rate to reach, up to 1 (default: 0.8)"
    )
    parser.add_argument(
        "--epsilon", type=epsilon, default=16.0, metavar="GREY_LEVELS", help="the largest to try (default: 16)"
    )
    parser.add_argument(
        "--budget", type=count, default=800, metavar="IMAGE_GRADIENTS", help="budget of each search (default: 800)"
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="random seed (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to save (default: a new one under runs/)")
    add_device(parser)


def _compare(parser: Parser) -> None:
    for name in ("first", "second"):
        parser.add_argument(name, type=Path, metavar=name.upper(), help=PERTURBATION)
    add_networks(parser, None, None)
    add_report(parser)
    add_target(parser, default="that of both perturbations")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="random seed of the bootstrap (default: 0)")
    add_device(parser)


def _attribute(parser: Parser) -> None:
    add_perturbation(parser)
    add_networks(parser, None, None)
    add_report(parser)
    _add_split(parser)
    add_target(parser, default="that of the perturbation")
    parser.add_argument("--rows", type=count, default=4, metavar="N", help="rows of tiles (default: 4)")
    parser.add_argument("--columns", type=count, default=6, metavar="N", help="columns of tiles (default: 6)")
    parser.add_argument("--chart", type=Path, metavar="FILE.png", help="also draw the tiles over the perturbation")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="random seed of the bootstrap (default: 0)")
    add_device(parser)


def _apply(parser: Parser) -> None:
    add_perturbation(parser)
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="a picture of any size; large ones are scaled down"
    )
    parser.add_argument("--model", metavar="NAME", help="the network (default: that of the perturbation)")
    parser.add_argument("--weights", metavar="FILE", help="load these weights into the network instead of its own")
    add_checks(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("perturbed"),
        metavar="FOLDER",
        help="where to save them (default: perturbed/)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are already there")
    add_device(parser)


def _figure(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the run folder")
    parser.add_argument("--pictures", type=count, default=4, metavar="N", help="how many test pictures (default: 4)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a .png or .pdf file (default: figure.png in the run folder)"
    )
    add_trust(parser)
    add_checks(parser)
    add_device(parser)


def _app(parser: Parser) -> None:
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1; 0.0.0.0 for all)")
    parser.add_argument(
        "--port", type=port, metavar="N", help="port to listen on (default: the first free one from 7860)"
    )


def _bench(parser: Parser) -> None:
    add_networks(parser, "street", "street")
    add_target(parser, default="the word foo")
    parser.add_argument("--rounds", type=count, default=10, metavar="N", help="how often to time each (default: 10)")
    parser.add_argument(
        "--batches", type=counts, default=(1, 4, 16), metavar="N,N…",
        help="batch sizes to measure (default: 1,4,16)",
    )  # fmt: skip
    add_device(parser)


def _lazy_command(module: str, name: str) -> Callable[[Options], None]:
    """A command that imports its module when it is called."""

    def command(options: Options) -> None:
        check_target(options)
        getattr(import_module(f"uapseg.cli.{module}"), name)(options)

    return command

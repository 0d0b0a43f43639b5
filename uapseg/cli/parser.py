"""What can be typed: the commands, their flags and their help. Nothing heavy is imported before a command runs."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from uapseg.cli.flags import (
    Options,
    Parser,
    add_checks,
    add_device,
    add_networks,
    add_perturbation,
    add_report,
    add_target,
    add_trust,
    count,
    epsilon,
    number,
    seed,
    size,
    without_defaults,
)


def make_parser() -> Parser:
    """The parser of all commands; ``command`` of what it returns is the function to call with it."""
    parser = Parser(
        prog="python -m uapseg", description="Universal adversarial perturbations for semantic segmentation."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, module: str, text: str, *, json: bool = True) -> Parser:
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.set_defaults(command=_later(module, name))
        if json:
            command.add_argument("--json", action="store_true", help="print one JSON document on standard output")
        return command

    _train(add("train", "train", "train a perturbation into a new run folder, and measure it on the test pictures"))
    _resume(add("resume", "train", "go on with a stopped run exactly where it stopped"))
    _evaluate(add("evaluate", "evaluate", "measure a perturbation, beside clean pictures and random noise"))
    _apply(add("apply", "pictures", "perturb pictures, and show what the network sees in them"))
    _figure(add("figure", "pictures", "draw the table of a run: pictures and what the network sees, before and after"))
    models = add("models", "listings", "list the networks, their licences and what a download costs")
    models.add_argument("names", nargs="*", metavar="NAME", help="only these, with all of their classes")
    models.add_argument("--size", type=size, metavar="WIDTHxHEIGHT", help="what pictures they are to take")
    add_checks(models)
    datasets = add("datasets", "listings", "list the data sets, their licences and what a download costs")
    datasets.add_argument("names", nargs="*", metavar="NAME", help="only these, such as camvid:FOLDER")
    _race(add("race", "race", "compare named settings at an equal budget of image-gradients"))
    _transfer(add("transfer", "transfer", "measure perturbations on every network: the table of transfer"))
    _app(add("app", "app", "open the page in a browser: the whole project, live", json=False))
    _bench(add("bench", "bench", "compare a training step with the bare forward and input-gradient of its batch"))
    return parser


PLANNED = (
    "model", "weights", "data", "size", "eval_data", "also", "invert", "region_class", "rest_class", "fill", "epsilon",
    "budget", "preset", "omega", "keep", "balanced", "robust", "seed", "tile", "train_pictures", "validate_every",
    "validation_pictures",
)  # fmt: skip
"""The flags of train that a plan says."""


def _train(parser: Parser) -> None:
    add_networks(parser, "street", "street")
    add_report(parser)
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="NAME",
        help="a further network that must see it too; repeatable",
    )
    add_target(parser, required=True, plan=True)
    add_trust(parser, "with --plan: ")
    search = parser.add_argument_group("the search")
    search.add_argument("--epsilon", type=epsilon, default=10.0, metavar="GREY_LEVELS", help="largest change (10)")
    search.add_argument(
        "--budget",
        type=count,
        default=4000,
        metavar="IMAGE_GRADIENTS",
        help="forward and backward passes of one picture (4000)",
    )
    search.add_argument("--preset", choices=("fast", "paper"), default="fast", help="how to search (fast)")
    search.add_argument(
        "--omega", type=number, metavar="SHARE", help="weight of hidden pixels, for the preset paper (0.9999)"
    )
    search.add_argument(
        "--keep",
        type=number,
        metavar="WEIGHT",
        help="what the rest counts beside the region, or beside hiding, times the usual (1)",
    )
    search.add_argument(
        "--robust", action="store_true", help="train through recompression, blur, light, shift and zoom"
    )
    search.add_argument("--balanced", action="store_true", help="meet each object class as often as any other")
    search.add_argument("--seed", type=seed, default=0, metavar="N", help="draws the order of the pictures (0)")
    search.add_argument("--tile", type=size, metavar="WxH", help="size of the perturbation (that of the pictures)")
    search.add_argument("--train-pictures", type=count, metavar="N", help="how many training pictures to use (all)")
    search.add_argument(
        "--validate-every", type=count, metavar="N", help="image-gradients between two looks at unseen pictures (200)"
    )
    search.add_argument(
        "--validation-pictures", type=count, metavar="N", help="how many unseen pictures choose the best iterate (32)"
    )
    without_defaults(parser, PLANNED)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the run's folder (a new one under runs/)")
    parser.add_argument("--overwrite", action="store_true", help="replace the run that is already in that folder")
    add_device(parser)


def _resume(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the run's folder")
    add_trust(parser)
    add_checks(parser)
    add_device(parser)


def _race(parser: Parser) -> None:
    add_networks(parser, "street", "street")
    add_report(parser)
    add_target(parser, required=True)
    arms = parser.add_mutually_exclusive_group()
    arms.add_argument(
        "--arms", metavar="NAME,NAME…", help="such as paper,fast,fast+margin+tile-128 (one change of fast at a time)"
    )
    arms.add_argument("--best", type=count, metavar="N", help="the best arms of smaller races in the same file")
    parser.add_argument("--epsilon", type=epsilon, default=10.0, metavar="GREY_LEVELS", help="largest change (10)")
    parser.add_argument(
        "--budget", type=count, default=800, metavar="IMAGE_GRADIENTS", help="what each arm may spend (800)"
    )
    parser.add_argument("--seeds", type=count, default=1, metavar="K", help="how often each arm runs (1)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/race.jsonl"), metavar="FILE",
        help="where results are added; what it holds is not run again (runs/race.jsonl)",
    )  # fmt: skip
    add_device(parser)


def _transfer(parser: Parser) -> None:
    parser.add_argument("perturbations", nargs="+", type=Path, metavar="PERTURBATION", help="files of runs")
    parser.add_argument("--models", required=True, metavar="NAME,NAME…", help="the networks to attack with each")
    parser.add_argument("--data", metavar="NAME", help="the pictures (those of each perturbation's plan)")
    parser.add_argument("--size", type=size, metavar="WIDTHxHEIGHT", help="what pictures are brought to")
    add_checks(parser)
    add_device(parser)


def _evaluate(parser: Parser) -> None:
    add_perturbation(parser)
    add_networks(parser, None, None)
    add_report(parser)
    parser.add_argument(
        "--survival", action="store_true", help="measure it after recompression, resizing, blur and the like, too"
    )
    parser.add_argument(
        "--split", choices=("train", "val", "test", "all"), help="val chooses, test reports (what the run reports on)"
    )
    add_target(parser, required=False)
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="draws the random noise and the interval (0)"
    )
    add_device(parser)


def _apply(parser: Parser) -> None:
    add_perturbation(parser)
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="pictures of any size; large ones are made to fit"
    )
    parser.add_argument("--model", metavar="NAME", help="the network to look with (the perturbation's own)")
    parser.add_argument("--weights", metavar="FILE", help="a file of weights for the network, instead of its own")
    add_checks(parser)
    parser.add_argument("--out", type=Path, default=Path("perturbed"), metavar="FOLDER", help="where to (perturbed/)")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that are already there")
    add_device(parser)


def _figure(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the run's folder")
    parser.add_argument("--pictures", type=count, default=4, metavar="N", help="how many test pictures (4)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a .png or .pdf file (figure.png in the folder)")
    add_trust(parser)
    add_checks(parser)
    add_device(parser)


def _app(parser: Parser) -> None:
    parser.add_argument("--host", metavar="ADDRESS", help="where to listen (127.0.0.1; 0.0.0.0 for all)")
    parser.add_argument("--port", type=count, metavar="N", help="the port (the first free one from 7860 on)")


def _bench(parser: Parser) -> None:
    add_networks(parser, "street", "street")
    add_target(parser, required=False)
    parser.add_argument("--rounds", type=count, default=20, metavar="N", help="how often to measure each (20)")
    add_device(parser)


def _later(module: str, name: str) -> Callable[[Options], None]:
    """The function ``name`` of a module of commands, which is imported when it is called."""

    def command(options: Options) -> None:
        getattr(import_module(f"uapseg.cli.{module}"), name)(options)

    return command

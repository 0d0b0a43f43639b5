"""Every text on the page, in one place."""

from collections.abc import Sequence

from uapseg.targets import Hidden, Target

TITLE = "uapseg"
HEADLINE = "One pattern, <br>every picture"
LEAD = "Train a change too faint to notice that makes a segmentation network see what you choose, and watch it happen."

GOAL = "Goal"
STATIC, HIDDEN = "Show a target", "Hide classes"
GOALS = (STATIC, HIDDEN)
SOURCE = "Target"
TYPE, DRAW, UPLOAD = "Type", "Draw", "Upload"
SOURCES = (TYPE, DRAW, UPLOAD)
WORD = "Word"
MASK, INVERT = "Choose a mask picture", "Invert"
INSIDE, REST = "Region seen as", "The rest as"
KEEP = "what it sees"
HIDE = "Classes to hide"
FILL = "Hidden pixels become"
NEAREST = "their surroundings"
EPSILON, EPSILON_INFO = "Epsilon", "Largest change, in grey levels of 255"
BUDGET, BUDGET_INFO = "Budget", "In image-gradients"
SEED, PRESET = "Seed", "Preset"
MORE = "More"
START, PAUSE, RESUME, RESET, AGAIN = "Start", "Pause", "Resume", "Reset", "Start again"
PHOTO = "Use your own photo"
SCENE = "Back to the scene"
DOWNLOAD = "Download"
PNG, TENSORS, REPORT = "PNG", "safetensors", "Report"

STAGE = {
    "photo": "Photo",
    "own": "Your photo",
    "bring": PHOTO,
    "how": "Choose a photo, drop it on the pictures, or paste it",
    "back": SCENE,
    "drop": "Drop a photo to see the perturbation on it",
    "compare": "drag to compare",
    "before": "before",
    "after": "after",
    "wipe": "Share of the picture that is shown as it was before",
    "seen": "What the network sees",
    "point": "point to read the class",
    "noise": "Perturbation",
    "wanted": "Target",
    "large": "Show large: {view}",
    "classes": "Classes",
    "curve": "Success",
    "described": "Curve of the success on validation pictures over image-gradients",
    "strip": "The same perturbation on pictures it was not trained on",
    "thumbs": "what the network sees in them",
    "counted": ", and the share {here}",
    "reached": "{share} % {here}",
    "floors": "random noise {noise} %, clean {clean} %",
    "random": "random noise",
    "judged": "{pictures} validation pictures",
    "at": ", at {spent} image-gradients",
    "best": ", best at {spent} image-gradients",
    "total": "/ {total} image-gradients",
    "rate": "{rate} a second, {left} left",
    "loading": "loading",
    "idle": "ready",
    "waiting": "next in the queue",
    "place": "place {place} in the queue",
    "running": "starting",
    "paused": "paused",
    "done": "finished",
    "gone": "reload the page to go on",
    "offline": "connection lost, trying again",
    "region": "draw the region",
    "tools": "Drawing",
    "keys": "Drawing: the arrow keys move the brush, space paints",
    "look": "Compare",
    "draw": "Draw",
    "erase": "Erase",
    "undo": "Undo",
    "clear": "Clear",
    "brush": "Brush",
}
"""What the stage says; names in braces are filled in by its scripts."""

LOADING = "The page is still loading: press Start again in a moment."
GONE = "This page was left for more than 30 minutes and its run is gone: reload the page."
BUSY = "This run is already going in another tab: pause it there first."
ONE_CLASS = "The region and the rest are the same class: choose two different ones."
NO_MASK = "Choose a mask picture first."
NOT_DRAWN = "Nothing is drawn: paint the region on the photo first."
BAD_DRAWING = "The drawing could not be read: clear it and draw again."
BAD_NUMBER = "Epsilon must lie between 1 and 32, and the budget between 50 and 8000."
SAME_BUDGET = "The budget is spent: raise it to go on, or press Reset."
EVICTED = "The GPU was taken away before the run finished: press Resume to go on from the last checkpoint."
BROKEN = "The run stopped because of an error: press Resume to go on from the last checkpoint."
LEFT = "paused: nobody was watching"


def shares(target: Target, source: str) -> list[tuple[str, str, str]]:
    """The scores that the page shows for a target, the first of them large: name, its words, and a short form."""
    if isinstance(target, Hidden):
        return [
            ("hidden", f"of {_named(target.classes)} hidden", "hidden"),
            ("kept", "of everything else kept", "everything else"),
            ("kept_objects", "of the other objects kept", "other objects"),
        ]
    region = {TYPE: "the letters", DRAW: "the drawing", UPLOAD: "the mask"}[source]
    return [
        ("region_success", f"of {region} seen as {target.classes[0]}", region),
        ("target_success", "of all pixels at the target", "all pixels"),
    ]


def here(target: Target) -> str:
    """What the figure on a single picture counts."""
    return "of the hidden classes gone" if isinstance(target, Hidden) else "of the pixels at the target"


def caption(target: Target, epsilon: float) -> str:
    """What a run does, in a line; epsilon in grey levels."""
    level = f"epsilon {epsilon:g}"
    if isinstance(target, Hidden):
        return f"Hide {_named(target.classes)}, {level}"
    rest = f"on {target.rest}" if target.rest else "over what it sees"
    name = "A drawing" if target.caption == "drawing" else f"“{target.caption}”"
    return f"{name} in {target.classes[0]} {rest}, {level}"


def _named(classes: Sequence[str]) -> str:
    if len(classes) > 2:
        return "the chosen classes"
    return " and ".join(classes) or "nothing"

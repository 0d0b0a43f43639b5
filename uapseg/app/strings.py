"""Every fixed text on the page, in one place; those with figures in them are in `uapseg.app.messages`."""

TITLE = "uapseg"
HEADLINE = "One perturbation, <br>every picture"
LEAD = "Train a perturbation too faint to notice: a segmentation network then sees what you choose. Watch it happen."

NETWORK, PICTURES = "Network", "Pictures"
GOAL = "Goal"
STATIC, HIDDEN, SWAP, UNTARGETED = "static", "hidden", "swap", "untargeted"
GOALS = {STATIC: "Show a target", HIDDEN: "Hide", SWAP: "Swap", UNTARGETED: "Break all"}
"""The label of each goal; what is stored, linked and compared is its key, the kind of its target."""

SOURCE = "Target"
TYPE, DRAW, UPLOAD = "type", "draw", "upload"
SOURCES = {TYPE: "Type", DRAW: "Draw", UPLOAD: "Upload"}
"""The label of each way to set a target."""

WORD = "Word"
MASK, INVERT = "Choose a mask picture", "Invert"
INSIDE, REST = "Shape becomes", "Background becomes"
OWN_PHOTOS, OWN_WEBCAM, OWN_CLIP = "photos", "webcam", "clip"
OWN_SOURCES = {OWN_PHOTOS: "your photos", OWN_WEBCAM: "your webcam recording", OWN_CLIP: "your clip"}
"""What a visitor's own pictures are called in a sentence."""

KEEP, KEEP_LABEL = "keep", "left as it is"
ALSO_HIDE = "Also hide elsewhere"
CLASS_NAMES = {"SignSymbol": "Traffic sign"}
"""What the page calls a class whose name is hard to read; files and the command line keep its name."""
HIDE, PEOPLE = "Classes to hide", "People"
FILL = "Hidden pixels become"
NEAREST, NEAREST_LABEL = "nearest", "their surroundings"
BREAK = "Every pixel should be predicted as any class but its own: there is nothing else to choose."
SWAP_FROM, SWAP_INTO = "Pixels of", "Become"
EPSILON, BUDGET = "Epsilon, in grey levels of 255", "Training length (pictures seen)"
WEIGHT = "Protect the rest (x1)"
WEIGHT_ENDS = {
    STATIC: ("stronger target", "unchanged rest"),
    HIDDEN: ("hide more", "keep more"),
    SWAP: ("swap more", "keep more"),
}
"""What a small and a large keep weight are for, by goal."""
SEED, PRESET, NORM = "Seed", "Preset", "Epsilon bounds"
NORMS = {"linf": "each value (L∞)", "l2": "the root mean square (L2)"}
"""The label of each norm, by its name in `uapseg.attack.settings.Settings`."""

MORE = "More"
START, PAUSE, RESUME, RESET, GO_ON = "Start", "Pause", "Resume", "Reset", "Train longer"
UNDO_RESET = "Undo reset"
PHOTO = "Add photos"
FORGET = "Forget your photos"

CONTROLS = {
    "model": "network", "data": "pictures", "goal": "goal", "source": "target", "word": "word", "invert": "inversion",
    "inside": "class of the region", "rest": "class of the rest",
    "also_hide": "classes to hide elsewhere", "hide": "classes to hide", "fill": "filling",
    "swap_from": "class to swap", "swap_into": "class it becomes",
    "epsilon": "epsilon", "keep": "protection of the rest", "budget": "training length", "seed": "seed",
    "preset": "preset", "norm": "norm",
}  # fmt: skip
"""What each control is called in a sentence."""

DOWNLOAD = "Export"
SAVE, OPEN, LINK = "Download", "Open a file", "Copy link"
PAPER, CODE, PROGRAM = "Paper", "Code", "Use from a program"
PAPER_URL = "https://arxiv.org/abs/1704.05712"
PROGRAM_CODE = (
    "# pip install gradio_client\n"
    "from gradio_client import Client, handle_file\n\n"
    'client = Client("{address}")\n'
    'figures, perturbation = client.predict(text="foo", budget=400, api_name="/train")\n'
    "after, segmentation, changed = client.predict(\n"
    '    handle_file(perturbation), handle_file("photo.jpg"), api_name="/apply"\n)'
)
"""What a program does with the page at an address: a perturbation for a word, added to a photo."""
PUBLISH, REPO = "Publish", "USER/NAME on the Hugging Face Hub"
PUBLISHED = "Published at {url}: uapseg apply hf-hub:{repo} PHOTO uses it."
SIGN_IN = "Sign in with Hugging Face first: the perturbation is published in your name."
PUBLISH_COMMAND = (
    "Publishing from the page needs a Space with a login. On your own machine, export the plan, then run uapseg train "
    "--plan uapseg-plan.json --out RUN and uapseg push RUN USER/NAME."
)
FILE_PNG, FILE_TENSORS, FILE_PICTURES, FILE_FIGURE, FILE_PDF = "png", "safetensors", "pictures", "figure", "figure-pdf"
FILE_GIF, FILE_MP4, FILE_REPORT, FILE_FIGURES, FILE_PLAN = "gif", "mp4", "report", "figures", "plan"
FILES = {
    FILE_PNG: "Perturbation (PNG)",
    FILE_TENSORS: "Perturbation (safetensors)",
    FILE_PICTURES: "Perturbed pictures (ZIP of PNG)",
    FILE_FIGURE: "Figure (PNG)",
    FILE_PDF: "Figure (PDF)",
    FILE_GIF: "Animation (GIF)",
    FILE_MP4: "Animation (MP4)",
    FILE_REPORT: "Report (HTML)",
    FILE_FIGURES: "All figures (JSON)",
    FILE_PLAN: "Plan, to repeat the run (JSON)",
}
"""The label of each kind of file that can be exported."""

STAGE = {
    "photo": "Photo",
    "own": "Your photo",
    "held_out": "Unseen picture",
    "choose_photos": PHOTO,
    "how": "Choose photos, drop them on the pictures, or paste one",
    "back": "Back to the scene",
    "forget": FORGET,
    "camera": "Webcam",
    "camera_off": "Webcam off",
    "record": "Record",
    "recording": "Stop recording, {seconds} s",
    "no_camera": "The webcam could not be opened",
    "clip": "Try a clip",
    "stretch": "stretch the perturbation over each photo",
    "drop": "Drop photos to see the perturbation on them",
    "compare": "drag to compare",
    "before": "before",
    "after": "after",
    "wipe": "Share of the picture shown without the perturbation",
    "prediction": "What the network sees",
    "point": "point to read the class",
    "perturbation": "Perturbation",
    "target": "Target",
    "avoided": "Avoid this",
    "large": "Show large: {view}",
    "classes": "Classes",
    "c_success": "Success",
    "c_strength": "Strength",
    "c_trade": "Trade-off",
    "interval": "95 % interval",
    "interval_hint": "range of the success when the pictures are resampled (bootstrap)",
    "d_success": "Curve of the success on validation pictures over image-gradients, with its 95 % bootstrap interval",
    "d_strength": "Curve of the success over the strength of the perturbation",
    "d_trade": "The share of other objects that is kept over the share that is hidden, at each validation",
    "trade_axes": "other objects kept, over what is hidden",
    "trade_end": "100 % hidden",
    "strips": "Which pictures are shown below",
    "tab_runs": "Your runs",
    "runs_hint": "only from this visit. Select one or two to compare",
    "show_run": "{title}: show it beside another run",
    "current_run": "Now: {title}",
    "none_yet": "no figures yet",
    "here_share": "{share} % in this picture",
    "take_up": "Continue this run",
    "close_pair": "Close",
    "tab_held_out": "Pictures it was not trained on",
    "tab_own": "Your photos",
    "tab_examples": "Examples",
    "examples_hint": "before and after: select one to open it and continue from it",
    "card": (
        "{title}. On {pictures} test pictures {success} % {label} (95 % interval {low} to {high}), "
        "random noise {noise} %; {gradients} image-gradients."
    ),
    "recorded": "A recorded run",
    "stop_recorded": "Stop",
    "train_photos": "Train on these photos",
    "train_clip": "Train on a clip",
    "train_webcam": "Train on 10 seconds",
    "filming": "Recording, {seconds} s",
    "train_line": "Trains on {line}.",
    "train_data": "Back to the dataset",
    "none": "Drop, paste or choose photos: the same perturbation is added to them and measured.",
    "own_and_data": "{name}: {own} % in your photos, {data} % in the dataset",
    "own_waiting": "the figures of your photos appear as soon as there is a perturbation",
    "show": "Show picture {number} large",
    "describe": "{view}: {shares}",
    "describe_photo": "{view}, with the perturbation",
    "describe_clean": "{view}, without a perturbation",
    "describe_perturbation": "{view}, amplified",
    "describe_none": "{view}: there is none yet",
    "was": "was {share} %",
    "tenth": "{done} % of the run. {plain}",
    "thumbs": "what the network sees in them",
    "share_of": ", and the share {here}",
    "in_picture": "{share} % {here}",
    "baselines": "random noise {noise}\u00a0%, clean {clean}\u00a0%",
    "random": "random noise",
    "clean": "clean",
    "pictures": "{pictures} pictures",
    "picture": "1 picture",
    "at": ", at {gradients} image-gradients",
    "chosen": "saved: after {gradients} of {total}, best on {count}",
    "total": "/ {total} image-gradients",
    "rate": "{rate} a second, {left} left",
    "rate_alone": "{rate} a second",
    "epsilon": EPSILON,
    "epsilon_how": "drag to change epsilon, or use the arrow keys",
    "step": "One step",
    "timeline": "History of the run",
    "at_point": "at {gradients} image-gradients",
    "now": "now",
    "presenting": (
        "Presenting: Escape leaves, space starts or pauses, W trains a word, N is the next picture, G shows twelve, "
        "P counts groups of people"
    ),
    "filled": "{view} fills the window: Escape leaves",
    "fill_window": "Fill the window: {view}",
    "of": " of {whole}",
    "measuring": "measuring",
    "close": "Close",
    "program": PROGRAM,
    "program_how": "A program can train, evaluate and apply perturbations on this page too. In Python:",
    "program_code": PROGRAM_CODE,
    "program_tools": "Agents find the same functions as tools of the MCP server at",
    "copy_code": "Copy the code",
    "copied": "Copied.",
    "copy_by_hand": "The browser does not allow it, but the code is selected: copy it with Ctrl+C.",
    "at_strength": "at {strength} % strength",
    "back_to": "Continue from this point",
    "live": "Back to the latest",
    "fetch": "Download",
    "cancel": "Cancel",
    "again": "Try again",
    "loading": "loading",
    "idle": "ready",
    "changing": "changing the settings",
    "waiting": "next in the queue",
    "place": "place {place} in the queue",
    "running": "starting",
    "paused": "paused",
    "done": "finished",
    "gone": "reload the page to continue",
    "offline": "connection lost, trying again",
    "region": "draw the region",
    "tools": "Drawing",
    "keys": "Drawing: the arrow keys move the brush, space paints",
    "view": "Compare",
    "compare_how": "Mode of the view: {view}",
    "m_wipe": "wipe",
    "m_blink": "blink",
    "m_difference": "difference",
    "m_labels": "classes",
    "m_changed": "what changed",
    "m_confidence": "confidence",
    "m_amplified": "amplified",
    "m_spectrum": "spectrum",
    "factor": "Amplification of the difference",
    "strength": "Preview at",
    "tiles": "Which parts matter?",
    "tiles_busy": "measuring tile {number} of {total}",
    "tiles_hint": "points lost, of {share} %",
    "tiles_most": (
        "Most is lost without the tile in row {row}, column {column}: {points} percentage points of {share} %."
    ),
    "d_tiles": "Percentage points of success lost without each tile, on {pictures} unseen pictures",
    "defence": "Defence before the network",
    "no_defence": "no defence",
    "defended": "with the defence {defence}",
    "confidence_of": ", {share} % sure",
    "became": "{before} → {after}",
    "brush": "Brush",
    "erase": "Eraser",
    "fill": "Fill",
    "line": "Line",
    "box": "Rectangle",
    "oval": "Ellipse",
    "type": "Text",
    "stamp": "Mask from a picture",
    "undo": "Undo",
    "redo": "Redo",
    "mirror": "Mirror",
    "invert": "Invert",
    "clear": "Clear",
    "size": "Size",
    "letters": "Text",
    "scale": "Width",
    "file": "Choose a picture",
    "stencil": "The mask is ready: press where it belongs",
    "unreadable": "The picture could not be read",
    "not_dropped": "Only pictures and video clips can be dropped here: use “Open a file” for the rest.",
    "n_x": "Left",
    "n_y": "Top",
    "n_width": "Width",
    "n_height": "Height",
    "add": "Add",
}
"""What the stage says; names in braces are filled in by its scripts."""

DRAWING_NOT_LINKED = "The link does not contain the drawing: export the plan to share it."
LOADING = "The page is still loading: press Start again in a moment."
GONE = "This page was unused for more than 30 minutes, and its run was removed: reload the page."
BUSY = "This run is already in progress in another tab: pause it there first."
ONE_CLASS = "The region and the rest are the same class: choose two different ones."
NO_MASK = "Choose a mask picture first."
NO_CONTROL = "This page has no controls for such a target: run its plan on the command line."

NOT_DRAWN = "Nothing is drawn yet: choose a class below the photo, and paint on the photo."
BAD_DRAWING = "The drawing could not be read: clear it and draw again."
BAD_NUMBER = "Epsilon must be between 1 and 32, and the training length between 50 and 40,000."
BAD_SEED = "The seed must be a whole number from 0 to 1000000000000."
BAD_WEIGHT = "“Protect the rest” must be between 0.1 and 4."
NO_WEIGHT = "The preset paper weights all pixels alike: set “Protect the rest” to 1, or choose the preset fast."
NOT_OFFERED = "This page does not offer that network or dataset: choose another."
NOT_READY = "The network and its pictures are still loading: wait for them, or cancel."
UNREACHABLE = (
    "The server of this page cannot reach the one that has these files: check its internet connection and try again, "
    "or choose something that needs no download."
)
NO_ROOM = "The files cannot be saved on the server of this page: free space on its disk, then try again."
WRONG_FILE = "The downloaded file is not the expected one and was deleted: try again later, or choose something else."
NOT_FETCHED = (
    "The download failed several times, and what has arrived is kept: try again later, or choose something else."
)
NOT_LOADED = "The network or its pictures could not be loaded: choose something else."
NOTHING_YET = "There is nothing to export yet: wait for the first scores of a run."
NO_SUCH_FILE = "This page makes no such file: choose one from the list."
MEASURING = "measuring the file"
OTHER_SIZE = (
    "The perturbation has {width} x {height} pixels, and the pictures have another size: choose other pictures."
)
NO_PLAN = "The file does not say what the network should see: open one that was made here."
BUDGET_TOO_LARGE = "The budget of one call is at most {most} image-gradients: ask for less, and go on from the file."
BAD_STRENGTH = "The strength must be between 0 and 1.5."
NOT_UPLOADED = "Upload the file with the request: paths on the server are not read."
NO_CLIP = "The clip could not be read: upload a short MP4, WebM or MOV."
PAUSE_FIRST = "A run is in progress: pause it first, then choose other pictures."
STILL_GOING = "The run on these pictures has not ended yet: try again in a moment."
FEW_PHOTOS = (
    "Too few different photos to train on ({different}): at least {least} are needed, better twenty or more, as some "
    "are set aside for validation and for the test."
)
FEW_FRAMES = (
    "Only {different} of {frames} frames can be trained on, as the others show the same, and at least {least} are "
    "needed: record ten seconds or more in which the picture changes."
)
TOO_MANY_PHOTOS = "At most {most} photos are accepted at once: the others were left out."
CLIP_SIZE = (
    "The frames of the clip are too large or too small: upload one of at most 3840 x 2160 pixels that is not a narrow "
    "strip."
)
NO_PERTURBATION = "There is no perturbation yet: start a run first."
NOTHING_TO_ATTRIBUTE = "The unseen pictures show nothing that this target is about: choose another target."
NO_RECORDING = "Nothing was recorded: keep the webcam on for a moment, then record again."
CLIP = "Try a video clip"
TRAIN_CLIP = "Train on a clip"
PHOTOS_KIND, CLIP_KIND = "photos", "clip"
READING = {PHOTOS_KIND: "Reading the photos", CLIP_KIND: "Reading the clip"}
"""What is said while an upload is read."""
OTHER_PAIR = "The file was made for {model} on {data}: choose these above, then open it again."
NO_RUN = "That run is no longer stored: choose another of your runs."
NO_HISTORY_POINT = "That point of the run is no longer stored: choose another one on the timeline."
WRONG_VALUE = "A value is of the wrong kind or outside its range: correct it, or reload the page."
FAILED = "This failed because of an error in the page, and its log has the details: try again, or reload the page."
BAD_CAMERA_FRAME = "The webcam's picture could not be read: switch the webcam off and on again."
EVICTED = "The GPU was taken away before the run finished: press Resume to go on from the last checkpoint."
GPU_TIME = "Start uses up to {seconds} s of the 120 s a day that you have on the GPU, or 300 s signed in."
QUOTA = (
    "The run asks for {requested} seconds on the GPU, and you have {left} left today: shorten the training length, "
    "sign in to Hugging Face for more, or press Resume tomorrow."
)
NO_QUOTA = "Your time on the GPU is used up for today: sign in to Hugging Face for more, or press Resume tomorrow."
BROKEN = "The run stopped because of an error: press Resume to go on from the last checkpoint."
LEFT = "paused: nobody was watching"
STALLED = "no improvement on unseen pictures for half of the training length: Pause keeps everything"

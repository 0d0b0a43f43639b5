"""The categories of COCO under whatever name a file gives them, and which of them are classes of PASCAL VOC."""

import re

VOC_NUMBERS = {
    "airplane": 1, "bicycle": 2, "bird": 3, "boat": 4, "bottle": 5, "bus": 6, "car": 7, "cat": 8, "chair": 9,
    "cow": 10, "dining table": 11, "dog": 12, "horse": 13, "motorcycle": 14, "person": 15, "potted plant": 16,
    "sheep": 17, "couch": 18, "train": 19, "tv": 20,
}  # fmt: skip
"""The categories that are classes of PASCAL VOC; all others are background to networks trained on these."""

_SYNONYMS = {
    "airplane": ("aeroplane", "plane", "aircraft"),
    "bicycle": ("bike",),
    "boat": ("ship",),
    "bus": ("buses",),
    "car": ("automobile", "car automobile"),
    "motorcycle": ("motorbike",),
    "person": ("people", "pedestrian", "human"),
    "potted plant": ("houseplant", "flowerpot"),
    "couch": ("sofa",),
    "tv": ("tvmonitor", "television", "television set", "monitor"),
}
"""What others call them, VOC and LVIS among them."""

_KNOWN = {
    spelling.replace(" ", ""): name for name in VOC_NUMBERS for spelling in (name, *_SYNONYMS.get(name, ()))
}  # fmt: skip


def category_name(name: str) -> str:
    """A category as COCO spells it, whatever the case, the plural and what stands between its words.

    Names that are in no such list keep their words, in lower case.
    """
    words = " ".join(re.findall(r"\w+", name.casefold().replace("_", " ")))
    joined = words.replace(" ", "")
    return _KNOWN.get(joined) or _KNOWN.get(joined.removesuffix("s")) or words or name

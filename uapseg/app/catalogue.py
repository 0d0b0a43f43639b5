"""The networks and data sets on offer, in plain words: what they are, and what choosing them costs."""

from collections.abc import Sequence
from typing import NamedTuple

from uapseg import datasets, models
from uapseg.app import messages


class Offer(NamedTuple):
    """What can be chosen.

    Attributes:
        name: What ``load_model`` or ``load_dataset`` takes.
        label: What the list says: the name, and in short what it is and costs.
        details: Size, classes, cost and licence in a line.
    """

    name: str
    label: str
    details: str


def model_offers(names: Sequence[str]) -> list[Offer]:
    """The networks, each with what its card says."""
    cards = {card.name: card for card in models.catalogue()}
    return [_model_offer(name, cards[name]) if name in cards else Offer(name, name, "") for name in names]


def dataset_offers(names: Sequence[str]) -> list[Offer]:
    """The data sets, each with what its card says."""
    cards = {card.name: card for card in datasets.catalogue()}
    return [_dataset_offer(name, cards[name]) if name in cards else Offer(name, name, "") for name in names]


def _model_offer(name: str, card: models.ModelInfo) -> Offer:
    cost = messages.cost(card.cached, card.download_bytes)
    about = f"{card.classes} classes"
    details = f"Network: {about}, {card.parameters / 1e6:.1f} million weights, {cost}; licence: {card.licence}."
    return Offer(name, f"{messages.short(name)} · {about} · {cost}", details)


def _dataset_offer(name: str, card: datasets.DatasetInfo) -> Offer:
    cost = messages.cost(card.cached, card.download_bytes)
    about = f"{sum(card.pictures.values())} pictures" if card.pictures else card.about
    size = f" of {card.size[0]} x {card.size[1]}" if card.size else ""
    details = f"Pictures: {about}{size}, {cost}; licence: {card.licence}."
    return Offer(name, f"{name} · {about} · {cost}", details)

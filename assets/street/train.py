"""Trains the embedded networks from scratch: rendered scenes, and CamVid photos where they are given.

    python assets/street/train.py --images 24000 --camvid CAMVID --out street.safetensors
    python assets/street/train.py --images 24000 --out free.safetensors        # without CamVid's licence

CAMVID is a folder with images/{train,val,test}/*.jpg and labels/{train,val,test}/*.png (values 0 to 10, 11 = void).
"""

import argparse
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.models.segmentation import LRASPP
from torchvision.transforms.v2.functional import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    gaussian_blur,
    jpeg,
)

from uapseg.datasets import load_dataset
from uapseg.models.street import MEAN, NETWORKS, STD
from uapseg.scenes import render

VOID = 255
CROP = (256, 384)  # height, width
Photo = tuple[Tensor, Tensor]  # uint8 (3, h, w), uint8 (h, w)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asks for."""

    network: str
    images: int
    out: Path
    camvid: Path | None
    scenes: int
    init: Path | None
    rate: float
    noise: tuple[float, float]
    spoil: float
    zoom: float
    balance: float
    turns: int
    batch: int
    seed: int
    compile: bool


def camvid_photos(root: Path) -> list[Photo]:
    """The train photos with their label maps, void as 255."""
    photos = load_dataset(f"camvid:{root}", "train")
    return [(photos.pictures([number])[0], photos.truth([number])[0]) for number in range(len(photos))]


def rendered_scenes(count: int) -> list[Photo]:
    """The first ``count`` rendered train scenes."""
    if not count:
        return []
    scenes = (render("train", index) for index in range(count))
    return [(torch.from_numpy(s.picture).permute(2, 0, 1).contiguous(), torch.from_numpy(s.labels)) for s in scenes]


def crop(photo: Photo, zoom: float, rng: random.Random) -> tuple[Tensor, Tensor]:
    """A random part at a random scale, perhaps mirrored: float (3, 256, 384) in [0, 1] and labels (256, 384)."""
    picture, labels = photo
    h, w = labels.shape
    scale = max(CROP[0] / h, CROP[1] / w) * math.exp(rng.uniform(0, zoom)) if rng.random() < 0.7 else 1.0
    scale = max(scale, CROP[0] / h, CROP[1] / w)
    stretch = math.exp(rng.uniform(-0.1, 0.1))
    height = min(h, max(1, round(CROP[0] / scale * stretch)))
    width = min(w, max(1, round(CROP[1] / scale)))
    top, left = rng.randint(0, h - height), rng.randint(0, w - width)
    part = picture[None, :, top : top + height, left : left + width].float() / 255
    part = F.interpolate(part, CROP, mode="bilinear", align_corners=False, antialias=True)[0].clamp(0, 1)
    names = labels[None, None, top : top + height, left : left + width].float()
    names = F.interpolate(names, CROP, mode="nearest")[0, 0].long()
    return (part.flip(-1), names.flip(-1)) if rng.random() < 0.5 else (part, names)


def recolour(image: Tensor, rng: random.Random) -> Tensor:
    """Another light: brightness, contrast, gamma, saturation, hue."""
    image = adjust_brightness(image, math.exp(rng.uniform(-0.4, 0.4)))
    image = adjust_contrast(image, math.exp(rng.uniform(-0.4, 0.4)))
    image = adjust_gamma(image, math.exp(rng.uniform(-0.3, 0.3)))
    image = adjust_saturation(image, math.exp(rng.uniform(-0.5, 0.4)))
    return adjust_hue(image, rng.uniform(-0.05, 0.05)) if rng.random() < 0.3 else image


def degrade(image: Tensor, spoil: float, grain: tuple[float, float], rng: random.Random) -> Tensor:
    """What pictures meet on their way: blur and JPEG in a share of them each, and noise of up to some grey levels."""
    if rng.random() < spoil:
        image = gaussian_blur(image, [7, 7], [rng.uniform(0.3, 1.8)])
    if rng.random() < spoil:
        image = jpeg((image * 255).round().to(torch.uint8), rng.randint(30, 95)).float() / 255
    largest, share = grain
    if rng.random() < share:
        image = image + noise(image, rng.uniform(0.15, 1) * largest / 255, rng)
    return image.clamp(0, 1)


def noise(image: Tensor, size: float, rng: random.Random) -> Tensor:
    """Random noise: signs (the worst of a given largest change), uniform or Gaussian; sometimes in coarse grains."""
    grain = rng.choice((1, 1, 1, 2, 3))
    h, w = image.shape[1:]
    field = torch.empty(3, -(-h // grain), -(-w // grain))
    kind = rng.choice(("sign", "sign", "uniform", "gauss"))
    field = field.normal_() if kind == "gauss" else field.uniform_(-1, 1)
    field = field.sign() if kind == "sign" else field
    return size * field.repeat_interleave(grain, 1).repeat_interleave(grain, 2)[:, :h, :w]


def batches(sources: list[list[Photo]], options: Options, memory: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches that draw from each source in turn, without end."""
    rng = random.Random(options.seed)
    decks: list[list[Photo]] = [[] for _ in sources]
    turn = 0
    while True:
        images: list[Tensor] = []
        labels: list[Tensor] = []
        for _ in range(options.batch):
            which = turn % len(sources)
            turn += 1
            if not decks[which]:
                decks[which] = rng.sample(sources[which], len(sources[which]))
            image, names = crop(decks[which].pop(), options.zoom, rng)
            images.append(degrade(recolour(image, rng), options.spoil, options.noise, rng))
            labels.append(names)
        yield torch.stack(images).to(memory), torch.stack(labels).to(memory)


def class_weights(photos: list[Photo], balance: float) -> Tensor:
    """Rare classes count for more: (median share / share) ** balance."""
    counts = torch.stack([labels.flatten().bincount(minlength=256)[:11] for _, labels in photos]).sum(0).double()
    share = counts.clamp(min=1) / counts.sum()
    return ((share.median() / share) ** balance).float()


def learning_rate(share: float) -> float:
    """A warm-up over 3 % of the run, then a cosine down to nothing."""
    return min(1.0, share / 0.03) * 0.5 * (1 + math.cos(math.pi * share))


def normalised(images: Tensor) -> Tensor:
    """Images in [0, 1] as the network wants them."""
    mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def coarse(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network before it enlarges its answer."""
    if isinstance(net, LRASPP):
        return nn.Sequential(net.backbone, net.classifier)
    return net


def train(options: Options) -> None:
    """Trains, and writes the averaged weights in half precision at the end."""
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    photos = [camvid_photos(options.camvid)] if options.camvid else []
    sources = [source for source in [*photos, *[rendered_scenes(options.scenes)] * options.turns] if source]
    net = NETWORKS[options.network].build().to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  missing in torch 2.11
    if options.init:
        net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(options.init).items()})
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.997))
    low = coarse(net)
    low = torch.compile(low) if options.compile else low
    weight = class_weights([photo for source in sources for photo in source], options.balance).to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.02)
    stream, began, total = batches(sources, options, device), time.monotonic(), options.images // options.batch
    for step in range(total):
        for group in optimiser.param_groups:
            group["lr"] = options.rate * learning_rate((step + 1) / total)
        images, labels = next(stream)
        net.train()
        logits = F.interpolate(low(normalised(images)), CROP, mode="bilinear", align_corners=False)
        loss = F.cross_entropy(logits, labels, weight=weight, ignore_index=VOID)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        average.update_parameters(net)
        if step % 100 == 99 or step == total - 1:
            print(
                f"{(step + 1) * options.batch:6d} images  loss {loss.item():.3f}  {time.monotonic() - began:.0f} s",
                flush=True,
            )
    settle(average.module, stream)
    save(average.module, options.out)


@torch.no_grad()
def settle(net: nn.Module, stream: Iterator[tuple[Tensor, Tensor]], count: int = 100) -> None:
    """Takes the batch statistics anew, as means over ``count`` batches: those of training lag behind the weights."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    net.train()
    for _, (images, _) in zip(range(count), stream, strict=False):
        net(normalised(images))


def save(net: nn.Module, path: Path) -> None:
    """Writes the weights in half precision, whole or not at all."""
    state = {
        k: v.half().contiguous() if v.is_floating_point() else v.contiguous() for k, v in net.state_dict().items()
    }
    part = path.with_suffix(".part")
    save_file({k: v.cpu() for k, v in state.items()}, part)
    part.replace(path)


def options_of(arguments: list[str] | None = None) -> Options:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="", help="small, or by default the large one")
    parser.add_argument("--images", type=int, default=60_000, help="pictures to train on, counted with repetition")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--camvid", type=Path)
    parser.add_argument("--scenes", type=int, default=1024, help="rendered scenes to train on")
    parser.add_argument("--init", type=Path, help="weights to start from")
    parser.add_argument("--rate", type=float, default=2e-3, help="the largest learning rate")
    parser.add_argument("--noise", type=float, nargs=2, default=(10, 0.4), metavar=("LEVELS", "SHARE"))
    parser.add_argument("--spoil", type=float, default=0.2, help="share of pictures blurred, and of those compressed")
    parser.add_argument("--zoom", type=float, default=0.8, help="log of the largest random enlargement")
    parser.add_argument("--balance", type=float, default=0.4, help="how far rare classes count for more, from 0 to 1")
    parser.add_argument("--turns", type=int, default=1, help="scenes drawn for each photo")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    return Options(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    train(options_of())

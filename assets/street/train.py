"""Trains the embedded networks from scratch: rendered scenes, and CamVid photos where they are given.

    python assets/street/train.py --images 24000 --camvid CAMVID --out street.safetensors
    python assets/street/train.py --images 24000 --out free.safetensors        # without CamVid's licence
    python assets/street/train.py --init street.safetensors --adversarial 12 --out robust.safetensors

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
from adversarial import SharedPerturbations
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

VOID = 255
CROP = (256, 384)  # height, width
Photo = tuple[Tensor, Tensor]  # uint8 (3, h, w), uint8 (h, w)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command line."""

    network: str
    images: int
    out: Path
    camvid: Path | None
    scenes: int
    init: Path | None
    learning_rate: float
    noise: tuple[float, float]
    adversarial: float
    degrade: float
    zoom: float
    balance: float
    scenes_per_photo: int
    batch: int
    seed: int
    compile: bool


def load_photos(name: str, count: int | None = None) -> list[Photo]:
    """The first ``count`` train pictures of a data set with their label maps, void as 255."""
    data = load_dataset(name, "train")
    return [(data.pictures([number])[0], data.truth([number])[0]) for number in range(len(data))[:count]]


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
    label_map = labels[None, None, top : top + height, left : left + width].float()
    label_map = F.interpolate(label_map, CROP, mode="nearest")[0, 0].long()
    return (part.flip(-1), label_map.flip(-1)) if rng.random() < 0.5 else (part, label_map)


def jitter_colors(image: Tensor, rng: random.Random) -> Tensor:
    """Random brightness, contrast, gamma, saturation and hue."""
    image = adjust_brightness(image, math.exp(rng.uniform(-0.4, 0.4)))
    image = adjust_contrast(image, math.exp(rng.uniform(-0.4, 0.4)))
    image = adjust_gamma(image, math.exp(rng.uniform(-0.3, 0.3)))
    image = adjust_saturation(image, math.exp(rng.uniform(-0.5, 0.4)))
    return adjust_hue(image, rng.uniform(-0.05, 0.05)) if rng.random() < 0.3 else image


def degrade(image: Tensor, share: float, noise: tuple[float, float], rng: random.Random) -> Tensor:
    """Blur and JPEG, in a share of pictures each; and random noise of up to some grey levels, in another share."""
    if rng.random() < share:
        image = gaussian_blur(image, [7, 7], [rng.uniform(0.3, 1.8)])
    if rng.random() < share:
        image = jpeg((image * 255).round().to(torch.uint8), rng.randint(30, 95)).float() / 255
    largest, noisy = noise
    if rng.random() < noisy:
        image = image + random_noise(image, rng.uniform(0.15, 1) * largest / 255, rng)
    return image.clamp(0, 1)


def random_noise(image: Tensor, size: float, rng: random.Random) -> Tensor:
    """Random signs, uniform or Gaussian noise; sometimes the same in blocks of 2 or 3 pixels."""
    block = rng.choice((1, 1, 1, 2, 3))
    h, w = image.shape[1:]
    field = torch.empty(3, -(-h // block), -(-w // block))
    kind = rng.choice(("sign", "sign", "uniform", "gauss"))
    field = field.normal_() if kind == "gauss" else field.uniform_(-1, 1)
    field = field.sign() if kind == "sign" else field
    return size * field.repeat_interleave(block, 1).repeat_interleave(block, 2)[:, :h, :w]


def batches(sources: list[list[Photo]], options: Options, memory: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches that draw from each source in turn, without end."""
    rng = random.Random(options.seed)
    left: list[list[Photo]] = [[] for _ in sources]
    count = 0
    while True:
        images: list[Tensor] = []
        labels: list[Tensor] = []
        for _ in range(options.batch):
            source = count % len(sources)
            count += 1
            if not left[source]:
                left[source] = rng.sample(sources[source], len(sources[source]))
            image, label_map = crop(left[source].pop(), options.zoom, rng)
            images.append(degrade(jitter_colors(image, rng), options.degrade, options.noise, rng))
            labels.append(label_map)
        yield torch.stack(images).to(memory), torch.stack(labels).to(memory)


def class_weights(photos: list[Photo], balance: float) -> Tensor:
    """Rare classes count for more: (median share / share) ** balance."""
    counts = torch.stack([labels.flatten().bincount(minlength=256)[:11] for _, labels in photos]).sum(0).double()
    share = counts.clamp(min=1) / counts.sum()
    return ((share.median() / share) ** balance).float()


def learning_rate_factor(share: float) -> float:
    """A warm-up over 3 % of the run, then a cosine decay to zero."""
    return min(1.0, share / 0.03) * 0.5 * (1 + math.cos(math.pi * share))


def normalize(images: Tensor) -> Tensor:
    """Normalizes images in [0, 1] as the network expects them."""
    mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def without_upsampling(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network up to its logits, which are smaller than the picture."""
    if isinstance(net, LRASPP):
        return nn.Sequential(net.backbone, net.classifier)
    return net


def train(options: Options) -> None:
    """Trains, and writes the averaged weights in half precision at the end."""
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    photos = [load_photos(f"camvid:{options.camvid}")] if options.camvid else []
    scenes = load_photos("street", options.scenes) if options.scenes else []
    sources = [source for source in [*photos, *[scenes] * options.scenes_per_photo] if source]
    net = NETWORKS[options.network].build().to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  missing in torch 2.11
    if options.init:
        net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(options.init).items()})
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.997))
    low = without_upsampling(net)
    low = torch.compile(low) if options.compile else low
    weight = class_weights([photo for source in sources for photo in source], options.balance).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.learning_rate, weight_decay=0.02)
    adversary = None
    if options.adversarial:  # three quarters of each batch are perturbed; the rest keeps the network accurate
        count = options.batch * 3 // 4
        adversary = SharedPerturbations(count, CROP, options.adversarial / 255, random.Random(options.seed), device)
    stream, began, total = batches(sources, options, device), time.monotonic(), options.images // options.batch
    for step in range(total):
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * learning_rate_factor((step + 1) / total)
        images, labels = next(stream)
        net.train()
        if adversary:
            images = adversary.perturb(images).requires_grad_()
        logits = F.interpolate(low(normalize(images)), CROP, mode="bilinear", align_corners=False)
        if adversary:
            attack_loss = F.cross_entropy(logits[: len(adversary)], adversary.goals(labels[: len(adversary)]))
            adversary.update(torch.autograd.grad(attack_loss, images, retain_graph=True)[0][: len(adversary)])
        loss = F.cross_entropy(logits, labels, weight=weight, ignore_index=VOID)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        average.update_parameters(net)
        if step % 100 == 99 or step == total - 1:
            print(
                f"{(step + 1) * options.batch:6d} images  loss {loss.item():.3f}  {time.monotonic() - began:.0f} s",
                flush=True,
            )
    recompute_statistics(average.module, stream, adversary)
    save(average.module, options.out)


@torch.no_grad()
def recompute_statistics(
    net: nn.Module, stream: Iterator[tuple[Tensor, Tensor]], adversary: SharedPerturbations | None, count: int = 100
) -> None:
    """Computes the batch statistics anew over ``count`` batches, as those of training lag behind the weights."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    net.train()
    for _, (images, _) in zip(range(count), stream, strict=False):
        net(normalize(adversary.perturb(images) if adversary else images))


def save(net: nn.Module, path: Path) -> None:
    """Writes the weights in half precision, whole or not at all."""
    state = {
        k: v.half().contiguous() if v.is_floating_point() else v.contiguous() for k, v in net.state_dict().items()
    }
    part = path.with_suffix(".part")
    save_file({k: v.cpu() for k, v in state.items()}, part)
    part.replace(path)


def parse_options(arguments: list[str] | None = None) -> Options:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="", help="small, or by default the large one")
    parser.add_argument("--images", type=int, default=60_000, help="pictures to train on, counted with repetition")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--camvid", type=Path)
    parser.add_argument("--scenes", type=int, default=1024, help="rendered scenes to train on")
    parser.add_argument("--init", type=Path, help="weights to start from")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="the largest one")
    parser.add_argument("--noise", type=float, nargs=2, default=(10, 0.4), metavar=("LEVELS", "SHARE"))
    parser.add_argument(
        "--adversarial",
        type=float,
        default=0,
        metavar="EPSILON",
        help="train against perturbations of at most EPSILON grey levels",
    )
    parser.add_argument(
        "--degrade", type=float, default=0.2, help="share of pictures blurred, and of those compressed"
    )
    parser.add_argument("--zoom", type=float, default=0.8, help="log of the largest random enlargement")
    parser.add_argument("--balance", type=float, default=0.4, help="how far rare classes count for more, from 0 to 1")
    parser.add_argument("--scenes-per-photo", type=int, default=1, help="scenes in the batches for each photo")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    return Options(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    train(parse_options())

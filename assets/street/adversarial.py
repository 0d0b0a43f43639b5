"""Universal perturbations that a network is trained against: shared adversarial training.

Source: Mummadi et al., Defending Against Universal Perturbations With Shared Adversarial Training, ICCV 2019,
https://arxiv.org/abs/1812.03705; here with targets of several kinds instead of none.
"""

import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

CLASSES = 11
VOID = 255
MOMENTUM = 0.9
STEP = 0.1
"""The step size, as a share of epsilon."""
LIFETIME = 500
"""Updates after which a perturbation is replaced by one with another target."""


class SharedPerturbations:
    """A pool of universal perturbations, each with a target of its own, updated along with the network.

    Args:
        count: How many perturbations.
        size: Height and width in pixels.
        epsilon: Their largest change, in [0, 1].
        rng: Draws the targets.
        device: Where they are.
    """

    def __init__(
        self, count: int, size: tuple[int, int], epsilon: float, rng: random.Random, device: torch.device
    ) -> None:
        self.epsilon, self._rng, self._size = epsilon, rng, size
        self._perturbations = torch.zeros(count, 3, *size, device=device)
        self._momentum = torch.zeros_like(self._perturbations)
        self._goals: list[Callable[[Tensor], Tensor]] = []
        self._ages = [LIFETIME * number // count for number in range(count)]  # so that they do not all restart at once
        for number in range(count):
            self._goals.append(self._restart(number))

    def __len__(self) -> int:
        return len(self._perturbations)

    def perturb(self, images: Tensor) -> Tensor:
        """Adds each perturbation to one of the first images (n, 3, h, w) in [0, 1]; the others stay clean."""
        perturbed = (images[: len(self)] + self._perturbations).clamp(0, 1)
        return torch.cat([perturbed, images[len(self) :]])

    def goals(self, labels: Tensor) -> Tensor:
        """What the perturbations want the network to see, from the label maps (n, h, w) of the images."""
        return torch.stack([goal(each) for goal, each in zip(self._goals, labels, strict=True)])

    @torch.no_grad()
    def update(self, gradients: Tensor) -> None:
        """Takes a signed step against the gradients (n, 3, h, w) of the loss to the goals."""
        size = gradients.abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
        self._momentum.mul_(MOMENTUM).add_(gradients / size)
        self._perturbations -= STEP * self.epsilon * self._momentum.sign()
        self._perturbations.clamp_(-self.epsilon, self.epsilon)
        for number in range(len(self)):
            self._ages[number] += 1
            if self._ages[number] >= LIFETIME:
                self._ages[number] = 0
                self._goals[number] = self._restart(number)

    def _restart(self, number: int) -> Callable[[Tensor], Tensor]:
        """Starts from random signs with another target: a static one, classes to hide, or every class another one."""
        self._perturbations[number].uniform_(-1, 1).sign_().mul_(self.epsilon)
        self._momentum[number].zero_()
        kind = self._rng.choice((self._static, self._hidden, self._hidden, self._permuted))
        return kind()

    def _static(self) -> Callable[[Tensor], Tensor]:
        """Blocks of two classes, coarse or fine, the same for all images."""
        h, w = self._size
        rows = self._rng.choice((2, 4, 8, 16))
        first, second = self._rng.sample(range(CLASSES), 2)
        blocks = torch.rand(1, 1, rows, rows * w // h) < 0.5
        mask = F.interpolate(blocks.float(), self._size, mode="nearest")[0, 0] > 0.5
        goal = torch.where(mask, first, second)
        return lambda labels: goal.to(labels.device)

    def _hidden(self) -> Callable[[Tensor], Tensor]:
        """Classes that become others; all else stays."""
        hidden = self._rng.sample(range(CLASSES), self._rng.choice((1, 2, 3)))
        if self._rng.random() < 0.5:
            hidden = [9, 10]  # people, the usual choice
        stays = [number for number in range(CLASSES) if number not in hidden]
        return self._lookup({number: self._rng.choice(stays) for number in hidden})

    def _permuted(self) -> Callable[[Tensor], Tensor]:
        """Every class becomes the next in a random order."""
        order = self._rng.sample(range(CLASSES), CLASSES)
        return self._lookup(dict(zip(order, order[1:] + order[:1], strict=True)))

    def _lookup(self, others: dict[int, int]) -> Callable[[Tensor], Tensor]:
        table = torch.arange(256)
        table[VOID] = -100  # what cross-entropy ignores
        for before, after in others.items():
            table[before] = after
        return lambda labels: table.to(labels.device)[labels]

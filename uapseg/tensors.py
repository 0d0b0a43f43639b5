"""The vocabulary of shapes: n images, k classes, h by w pixels, a tile of th by tw pixels; images are in [0, 1]."""

from jaxtyping import Float, Int16, Int64, UInt8
from torch import Tensor

Pictures = UInt8[Tensor, "n 3 h w"]
"""RGB pictures as files hold them, in grey levels of 255."""

Images = Float[Tensor, "n 3 h w"]
"""RGB pictures in [0, 1]."""

Logits = Float[Tensor, "n k h w"]
"""A score for each class and pixel, before any softmax."""

Labels = Int64[Tensor, "n h w"]
"""A class number for each pixel, for computing with."""

LabelMaps = UInt8[Tensor, "n h w"]
"""A class number for each pixel, for keeping; 255 stands for none."""

PixelLoss = Float[Tensor, "n h w"]
"""A loss for each pixel, not yet averaged."""

Delta = Float[Tensor, "3 th tw"]
"""A perturbation, in the units of the images: each value lies in [-epsilon, epsilon]."""

Deltas = Float[Tensor, "n 3 th tw"]
"""A perturbation for each of n images."""

Levels = Int16[Tensor, "3 th tw"]
"""A perturbation in whole grey levels of 255, as files hold it."""

"""Universal segmenters: tiny ones with random weights, against the semantic post-processing of transformers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from uapseg.errors import UapsegError
from uapseg.models import load_model
from uapseg.models.universal import FLOOR

CLASSES = {0: "road", 1: "car", 2: "sky"}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SIDE = 64


def backbone() -> Any:
    stages = ["stage1", "stage2", "stage3", "stage4"]
    return transformers.SwinConfig(embed_dim=8, depths=[1] * 4, num_heads=[1] * 4, window_size=4, out_features=stages)


def mask2former() -> nn.Module:
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone(), feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_layers=1,
        decoder_layers=2, num_attention_heads=2, dim_feedforward=16, encoder_feedforward_dim=16, num_queries=5,
        id2label=CLASSES,
    )  # fmt: skip
    return transformers.Mask2FormerForUniversalSegmentation(config)


def maskformer() -> nn.Module:
    decoder = transformers.DetrConfig(
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_attention_heads=2, num_queries=5,
    )  # fmt: skip
    config = transformers.MaskFormerConfig(
        backbone_config=backbone(), decoder_config=decoder, fpn_feature_size=32, mask_feature_size=32, id2label=CLASSES
    )
    return transformers.MaskFormerForInstanceSegmentation(config)


def oneformer() -> nn.Module:
    config = transformers.OneFormerConfig(
        backbone_config=backbone(), num_queries=5, text_encoder_width=32, text_encoder_num_layers=1,
        text_encoder_vocab_size=64, hidden_dim=32, conv_dim=32, mask_dim=32, encoder_feedforward_dim=16,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16, query_dec_layers=1,
        id2label=CLASSES,
    )  # fmt: skip
    return transformers.OneFormerForUniversalSegmentation(config)


def eomt() -> nn.Module:
    config = transformers.EomtConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=8, num_blocks=1,
        num_queries=5, num_upscale_blocks=1, num_register_tokens=1, id2label=CLASSES,
    )  # fmt: skip
    return transformers.EomtForUniversalSegmentation(config)


PROCESSORS: dict[Callable[[], nn.Module], Any] = {
    mask2former: transformers.Mask2FormerImageProcessor,
    maskformer: transformers.MaskFormerImageProcessor,
    oneformer: transformers.MaskFormerImageProcessor,  # has the same statistics, and asks for no file of class names
    eomt: transformers.EomtImageProcessor,
}


def saved(build: Callable[[], nn.Module], folder: Path) -> tuple[Any, Any]:
    """The network and its processor, saved; its answers differ from pixel to pixel as a trained one's do."""
    net = build().eval()
    for weight in net.parameters():
        if weight.dim() > 1:
            nn.init.normal_(weight, std=0.3)
    processor = PROCESSORS[build](image_mean=MEAN, image_std=STD)
    if build is eomt:
        processor = transformers.EomtImageProcessor(
            image_mean=MEAN, image_std=STD, do_split_image=True, size={"shortest_edge": SIDE, "longest_edge": None}
        )
    net.save_pretrained(folder)
    processor.save_pretrained(folder)
    if build is oneformer:
        save_tokenizer(folder)
    return net, processor


def save_tokenizer(folder: Path) -> None:
    """A tokenizer of single letters, as small as one can be."""
    tokens = [*"abcdefghijklmnopqrstuvwxyz", *(f"{letter}</w>" for letter in "abcdefghijklmnopqrstuvwxyz")]
    vocabulary = {token: number for number, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")


def normalized(images: Tensor) -> Tensor:
    return (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("build", [mask2former, maskformer])
@torch.no_grad()
def test_scores_and_predictions_are_those_of_the_library(build, tmp_path):
    net, processor = saved(build, tmp_path)
    model = load_model(f"hf:{tmp_path}")
    assert model.classes == ("road", "car", "sky")
    images = torch.rand(2, 3, 96, 128)
    found = processor.post_process_semantic_segmentation(
        net(pixel_values=normalized(images)), target_sizes=[(96, 128)] * 2, return_segmentation_scores=True
    )
    scores = torch.stack([one.segmentation_scores for one in found])
    torch.testing.assert_close(model(images), (scores + FLOOR).log(), rtol=1e-4, atol=1e-5)
    labels = torch.stack([one.segmentation for one in found])
    assert torch.equal(model.predict(images).long(), labels)
    assert len(labels.unique()) > 1


@torch.no_grad()
def test_a_oneformer_gets_its_task_from_its_own_tokenizer(tmp_path):
    net, _ = saved(oneformer, tmp_path)
    model = load_model(f"hf:{tmp_path}")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(tmp_path)
    found = tokenizer(["the task is semantic"], padding="max_length", max_length=77, return_tensors="pt")
    task = found["input_ids"] * found["attention_mask"]
    assert len(task.unique()) > 10
    images = torch.rand(1, 3, 96, 128)
    answer = net(pixel_values=normalized(images), task_inputs=task)
    scores = torch.einsum(
        "nqk,nqhw->nkhw", answer.class_queries_logits.softmax(-1)[..., :-1], answer.masks_queries_logits.sigmoid()
    )
    scores = nn.functional.interpolate(scores, (96, 128), mode="bilinear")
    torch.testing.assert_close(model(images), (scores + FLOOR).log(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(SIDE, 100), (150, SIDE), (SIDE, SIDE)])
@torch.no_grad()
def test_an_eomt_sees_overlapping_squares_as_in_the_library(size, tmp_path):
    net, processor = saved(eomt, tmp_path)
    model = load_model(f"hf:{tmp_path}")
    levels = torch.randint(256, (2, 3, *size), dtype=torch.uint8)
    inputs = processor(list(levels), return_tensors="pt")
    found = processor.post_process_semantic_segmentation(
        net(**inputs), target_sizes=[size] * 2, return_segmentation_scores=True
    )
    scores = torch.stack([one.segmentation_scores for one in found])
    torch.testing.assert_close(model(levels.float() / 255), (scores + FLOOR).log(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("build", PROCESSORS)
def test_the_gradient_reaches_every_part_of_the_picture(build, tmp_path):
    saved(build, tmp_path)
    model = load_model(f"hf:{tmp_path}")
    images = torch.rand(1, 3, 70, 90, requires_grad=True)
    model(images)[:, 1].sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
    assert (images.grad.abs().sum(1) > 0).float().mean() > 0.9


def test_networks_to_be_prompted_are_refused(tmp_path):
    transformers.SamConfig().save_pretrained(tmp_path)
    with pytest.raises(UapsegError, match="is a sam, which gives each pixel no class by itself"):
        load_model(f"hf:{tmp_path}")

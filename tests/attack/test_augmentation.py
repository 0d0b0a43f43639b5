"""Augmentations: pictures and label maps change together, exactly."""

import pytest
import torch

from uapseg.attack.data.augmentation import (
    CutOut,
    Move,
    Moves,
    Paste,
    Pastes,
    apply_moves,
    random_moves,
    random_paste,
)


def test_a_move_carries_each_pixel_and_mirrors_what_enters():
    row = torch.tensor([[[[1, 2, 3, 4]]]])
    assert apply_moves(row, [Move(0, 1)]).flatten().tolist() == [1, 1, 2, 3]
    assert apply_moves(row, [Move(0, -2)]).flatten().tolist() == [3, 4, 4, 3]
    assert apply_moves(row, [Move(0, 0, flip=True)]).flatten().tolist() == [4, 3, 2, 1]
    assert apply_moves(row.transpose(2, 3), [Move(1, 0)]).flatten().tolist() == [1, 1, 2, 3]


def test_each_picture_has_its_own_move():
    values = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    both = apply_moves(values, [Move(1, 2), Move(0, -1, flip=True)])
    assert torch.equal(both[0, :, 1:, 2:], values[0, :, :-1, :-2])
    assert torch.equal(both[1, :, :, :-1], values[1].flip(-1)[:, :, 1:])


def test_moves_follow_the_seed_and_stay_within_the_shift():
    moves = random_moves(200, 3, flip=True, seed=1)
    assert moves == random_moves(200, 3, flip=True, seed=1)
    assert {move.down for move in moves} == {move.right for move in moves} == set(range(-3, 4))
    assert {move.flip for move in moves} == {True, False}
    assert not any(move.flip for move in random_moves(50, 3, flip=False, seed=1))


def cut_out(*rows: str) -> CutOut:
    """An object of grey 0.5, drawn with a # for each of its pixels."""
    mask = torch.tensor([[sign == "#" for sign in row] for row in rows])
    return CutOut(torch.full((3, *mask.shape), 0.5), mask)


def test_a_pasted_object_covers_its_own_pixels_alone_and_keeps_the_label_below():
    pastes = Pastes([[Paste(cut_out("#.", "##"), 1, 1)], []])
    images, maps = torch.zeros(2, 3, 4, 4), torch.ones(2, 2, 4, 4, dtype=torch.uint8)
    covered = [[0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert (pastes.images(images)[0] == 0.5 * torch.tensor(covered)).all()
    assert pastes.maps(maps)[0, 1].tolist() == [[1 - one for one in row] for row in covered]
    assert (pastes.maps(maps)[:, 0] == 1).all()  # the labels wanted
    assert (pastes.maps(maps)[1] == 1).all()
    assert not images.any()
    assert (maps == 1).all()


@pytest.mark.parametrize(
    ("top", "left", "covered"),
    [(-1, -1, {(0, 0)}), (3, 3, {(3, 3)}), (-1, 3, {(0, 3)}), (-2, 0, set()), (4, 0, set()), (0, -9, set())],
)
def test_an_object_may_reach_beyond_the_picture(top, left, covered):
    pastes = Pastes([[Paste(cut_out("##", "##"), top, left)]])
    image = pastes.images(torch.zeros(1, 3, 4, 4))[0, 0]
    assert {tuple(place) for place in image.nonzero().tolist()} == covered
    groups = pastes.maps(torch.ones(1, 2, 4, 4, dtype=torch.uint8))[0, 1]
    assert {tuple(place) for place in (groups == 0).nonzero().tolist()} == covered


def test_objects_are_resized_mirrored_and_placed_by_the_seed():
    drawn = [random_paste(cut_out("#" * 10, "." * 10), (40, 30), torch.Generator().manual_seed(s)) for s in range(200)]
    again = random_paste(cut_out("#" * 10, "." * 10), (40, 30), torch.Generator().manual_seed(7))
    assert (again.top, again.left) == (drawn[7].top, drawn[7].left)
    assert torch.equal(again.cut_out.image, drawn[7].cut_out.image)
    assert {paste.cut_out.mask.shape[1] for paste in drawn} == set(range(5, 13))
    shapes = [paste.cut_out.mask.shape for paste in drawn]
    centres = [(p.top + shape[0] // 2, p.left + shape[1] // 2) for p, shape in zip(drawn, shapes, strict=True)]
    assert {row for row, _ in centres} <= set(range(30))
    assert {column for _, column in centres} <= set(range(40))
    lopsided = [random_paste(cut_out("####......"), (40, 30), torch.Generator().manual_seed(s)) for s in range(40)]
    assert {bool(paste.cut_out.mask[0, 0]) for paste in lopsided} == {True, False}


def test_augmentations_compose_in_their_order():
    """A flip after a paste takes the object with it; before, it does not."""
    paste, flip = Pastes([[Paste(cut_out("#"), 0, 0)]]), Moves([Move(0, 0, flip=True)])
    image, maps = torch.zeros(1, 3, 1, 3), torch.ones(1, 2, 1, 3, dtype=torch.uint8)
    for first, second, place in ((paste, flip, 2), (flip, paste, 0)):
        assert second.images(first.images(image))[0, 0, 0].nonzero().flatten().tolist() == [place]
        assert (second.maps(first.maps(maps))[0, 1, 0] == 0).nonzero().flatten().tolist() == [place]

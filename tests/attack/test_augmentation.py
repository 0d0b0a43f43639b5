"""Moves: pictures and label maps move together, and come back."""

import torch

from uapseg.attack.augmentation import Move, apply_moves, random_moves


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

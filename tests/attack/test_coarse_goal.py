"""Goals at the resolution of the logits lose no pixel and no label."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from uapseg.attack.data.coarse_goal import cell_indices, cell_logits, coarsen
from uapseg.targets.goals import Goal


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.tuples(st.integers(1, 7), st.integers(1, 9)))
def test_each_pixel_counts_once_in_the_cell_that_it_lies_in(seed, size):
    generator = torch.Generator().manual_seed(seed)
    labels, groups = (torch.randint(high, (2, 11, 13), generator=generator, dtype=torch.uint8) for high in (5, 3))
    cells = cell_indices(13, 11, size)
    assert cells.unique().tolist() == list(range(size[0] * size[1]))
    coarse = coarsen(Goal(labels, groups), cells, size, groups=3, classes=5)
    for image in range(2):
        for cell in range(size[0] * size[1]):
            inside = cells == cell
            wanted = torch.stack([groups[image][inside], labels[image][inside]], dim=1)
            rows = coarse.cells == image * size[0] * size[1] + cell
            found = torch.stack([coarse.goal.groups[rows].flatten(), coarse.goal.labels[rows].flatten()], dim=1)
            kinds, counts = wanted.unique(dim=0, return_counts=True)
            assert found.tolist() == kinds.tolist()
            assert coarse.counts[rows].flatten().tolist() == counts.tolist()


def test_logits_are_those_of_the_cell():
    logits = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2)
    goal = Goal(torch.ones(2, 2, 2, dtype=torch.uint8), torch.zeros(2, 2, 2, dtype=torch.uint8))
    coarse = coarsen(goal, cell_indices(2, 2, (2, 2)), (2, 2), groups=1, classes=3)
    expected = logits.permute(0, 2, 3, 1).reshape(8, 3)
    assert torch.equal(cell_logits(logits, coarse.cells)[..., 0, 0], expected)

"""What hangs together by pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree


def components(count: int, pairs: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
    """Number of the connected component that each of `count` nodes belongs to; pairs are [P, 2]."""
    if not count:
        return np.empty(0, np.int32)
    edges = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
    return np.asarray(connected_components(edges, directed=False)[1])


def forest(count: int, pairs: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The fewest of different pairs, [P, 2], by which all hangs together that does by any.

    Where there is a choice, the first ones; returned are their places in `pairs`.
    """
    place = np.arange(1, len(pairs) + 1)  # 0 would be no edge
    edges = coo_array((place, (pairs[:, 0], pairs[:, 1])), (count, count))
    return np.asarray(minimum_spanning_tree(edges).data, np.intp) - 1

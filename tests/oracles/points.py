"""Masks refined one point at a time."""

from __future__ import annotations

import numpy as np

from tests.oracles.roi_align import bilinear


def read(grid: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    """Value of [H, W, C] at a point (x, y) in cells; beyond the outer centres, theirs."""
    x, y = (min(max(p - 0.5, 0.0), n - 1.0) for p, n in zip(point, grid.shape[1::-1], strict=True))
    return bilinear(grid, y, x)


def double(grid: np.ndarray) -> np.ndarray:
    """[m, m] -> [2m, 2m]."""
    side = 2 * len(grid)
    values = [
        [read(grid[..., None], ((column + 0.5) / 2, (row + 0.5) / 2))[0] for column in range(side)]
        for row in range(side)
    ]
    return np.array(values)


def decide(weights: dict[str, np.ndarray], fine: np.ndarray, coarse: float, class_id: int) -> float:
    """The logit of one point, from the layers of a point head by name."""
    x = np.append(fine, coarse)
    for number in (1, 2, 3):
        kernel, bias = weights[f"hidden{number}/kernel"], weights[f"hidden{number}/bias"]
        x = np.append(np.maximum(x @ kernel + bias, 0), coarse)
    correction = x @ weights["correction/kernel"] + weights["correction/bias"]
    return coarse + correction[class_id - 1]


def refine(
    weights: dict[str, np.ndarray],
    finest: np.ndarray,
    box: np.ndarray,
    class_id: int,
    logits: np.ndarray,
    times: int,
) -> np.ndarray:
    """The finer logits of one RoI; finest [H, W, C] has stride 4."""
    grid, cells = logits.astype(np.float64), len(logits)
    for _ in range(times):
        grid = double(grid)
        side = len(grid)
        for cell in np.argsort(np.abs(grid).ravel(), kind="stable")[: cells**2]:
            row, column = divmod(int(cell), side)
            x, y = (column + 0.5) / side, (row + 0.5) / side
            pixel = box[0] + x * (box[2] - box[0]), box[1] + y * (box[3] - box[1])
            fine = read(finest, (pixel[0] / 4, pixel[1] / 4))
            coarse = read(logits[..., None], (x * cells, y * cells))[0]
            grid[row, column] = decide(weights, fine, coarse, class_id)
    return grid

"""A detector that knows the truth: what a good network would see in each tile, with its jitter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rasterio
import rasterio.features
import shapely
from affine import Affine
from shapely import Polygon, STRtree, affinity

from geomrcnn.bundle.card import ModelCard
from geomrcnn.raster.tile import Tile, Window
from geomrcnn.runtime.detector import Detections

SAMPLES = 4


def card(**changes: object) -> ModelCard:
    """A card for tests: RGB, one class, 1 m, tiles of 256 with an overlap of 64."""
    fields: dict[str, object] = {
        "name": "oracle",
        "classes": ("field",),
        "bands": ("red", "green", "blue"),
        "dtype": "uint8",
        "gsd": 1.0,
        "tile": 256,
        "overlap": 64,
        "min_score": 0.5,
        "mean": (0.0,) * 3,
        "std": (1.0,) * 3,
    }
    return ModelCard(**{**fields, **changes})  # type: ignore[arg-type]


def soft_mask(shape: Polygon, m: int = 28) -> np.ndarray:
    """[m, m] share of each cell of the shape's own bounding box that the shape covers."""
    x1, y1, x2, y2 = shape.bounds
    side = m * SAMPLES
    to_pixels = Affine((x2 - x1) / side, 0, x1, 0, (y2 - y1) / side, y1)
    fine = rasterio.features.rasterize([shape], out_shape=(side, side), transform=to_pixels)
    return fine.reshape(m, SAMPLES, m, SAMPLES).mean((1, 3)).astype(np.float32)


class OracleDetector:
    """Reports every true object a tile shows a tenth of, cut at the tile's edge, part by part.

    With `jitter` 1, outlines grow or shrink by up to 1.2 pixels and move by 0.6 pixels (standard
    deviation), and scores rise with the visible share. `misses` is the share of objects that a
    tile overlooks, `inventions` the number of small objects that it sees where none are, and
    `slip` the standard deviation in pixels by which each side of a box is off, the mask with it.
    """

    description = "oracle"
    digest = "1"

    def __init__(
        self,
        truth: Sequence[Polygon],
        *,
        classes: Sequence[int] | None = None,
        jitter: float = 0.0,
        misses: float = 0.0,
        inventions: int = 0,
        slip: float = 0.0,
        smallest: float = 60.0,
        seed: int = 0,
        **changes: object,
    ) -> None:
        self.card = card(**changes)
        self.truth = truth
        self.classes = classes or [1] * len(truth)
        self.jitter = jitter
        self.misses, self.inventions, self.slip = misses, inventions, slip
        self.smallest = smallest
        self.seed = seed
        self.tree = STRtree(truth)
        self.seen: list[Window] = []
        self._known: dict[Window, Detections] = {}

    def detect(self, tiles: Sequence[Tile]) -> list[Detections]:
        windows = [tile.window for tile in tiles]
        self.seen += windows
        with rasterio.Env():  # one for all masks
            self._known.update({w: self._detect(w) for w in windows if w not in self._known})
        return [self._known[window] for window in windows]

    def _detect(self, window: Window) -> Detections:
        rng = np.random.default_rng((window.row + 10**6, window.column + 10**6, self.seed))
        left, top, width, height = window.column, window.row, window.width, window.height
        frame = shapely.box(left, top, left + width, top + height)
        found: list[tuple[float, int, Polygon]] = []
        for k in sorted(self.tree.query(frame)):
            visible = self.truth[k].intersection(frame)
            share = visible.area / self.truth[k].area
            if visible.area < self.smallest or (share < 0.1 and visible.area < 3000):
                continue
            moved = affinity.translate(
                visible.buffer(self.jitter * rng.uniform(-1.2, 1.2), join_style="mitre"),
                *(self.jitter * rng.normal(0, 0.6, 2)),
            ).intersection(frame)
            score = min(0.999, 0.55 + 0.4 * min(1, share) + self.jitter * rng.normal(0, 0.05))
            for part in shapely.get_parts(moved):
                if part.area >= self.smallest:
                    here = affinity.translate(part, -left, -top)
                    found.append((score, self.classes[k], here))
        for _ in range(self.inventions):
            x, y = rng.uniform(0, (width - 20, height - 20))
            found.append((rng.uniform(0.5, 0.7), 1, shapely.box(x, y, x + 20, y + 16)))
        found = [one for one in found if rng.random() >= self.misses]
        found.sort(key=lambda item: -item[0])
        boxes = np.array([p.bounds for *_, p in found]).reshape(-1, 4)
        slipped = boxes + self.slip * rng.normal(size=boxes.shape)
        return Detections(
            boxes=np.clip(slipped, 0, (width, height) * 2).astype(np.float32),
            scores=np.array([score for score, *_ in found], np.float32),
            classes=np.array([kind for _, kind, _ in found], np.int32),
            masks=np.array([soft_mask(p) for *_, p in found], np.float32).reshape(-1, 28, 28),
        )

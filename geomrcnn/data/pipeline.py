"""Samples to batches of tensors: the tf.data pipeline of training.

The training example at position i is a function of (seed, i) alone: which image, which view, which
colours. A run that resumes at step n therefore sees exactly what an unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from geomrcnn.data.augmentation import Augmentation, augment
from geomrcnn.data.cache import CachedDataset
from geomrcnn.data.dataset import Dataset, Sample
from geomrcnn.data.rasterise import box_masks
from geomrcnn.data.statistics import BYTES, ValueRange
from geomrcnn.errors import DataError, GeomrcnnError
from geomrcnn.network.targets import GroundTruth

CROWD = -1

Batch = tuple[tf.Tensor, GroundTruth]


def encode(
    sample: Sample, mask_size: int, fill: Sequence[float] | None = None
) -> tuple[npt.NDArray[np.float32], GroundTruth]:
    """A sample as arrays.

    Args:
        sample: Any.
        mask_size: Cells along the side of a mask.
        fill: Per band, the value of pixels that are no data; None leaves them 0.

    Returns:
        Pixels [H, W, bands] float32 in their raw range, and what they show, without a batch axis.
        There is room for one object at least, of class 0 when there is none.
    """
    image = sample.image.astype(np.float32)
    if fill is not None and sample.valid is not None:
        image[~sample.valid] = fill
    instances = sample.instances
    room = max(len(instances), 1)
    boxes = np.zeros((room, 4), np.float32)
    classes = np.zeros(room, np.int32)
    masks = np.zeros((room, mask_size, mask_size), np.uint8)
    if instances:
        boxes[:] = [instance.box for instance in instances]
        classes[:] = [CROWD if instance.crowd else instance.class_id for instance in instances]
        masks[:] = box_masks([instance.geometry for instance in instances], mask_size)
    return image, GroundTruth(boxes, classes, masks)


Draw = Callable[[int], tuple[int, np.random.Generator]]
"""Of the training example at a position: the number of its image, and the dice for its view."""


def image_draw(
    dataset: Dataset, seed: int, weights: Sequence[float] | npt.NDArray[np.float64] | None = None
) -> Draw:
    """Which image is shown at each position of the sequence that `training_batches` makes.

    Args:
        dataset: The images.
        seed: Names the sequence.
        weights: [N] how often to draw each image, relative to the others; all alike if None.

    Raises:
        DataError: an empty dataset, or weights that do not fit it.
    """
    choose = image_choice(dataset, weights)

    def draw(position: int) -> tuple[int, np.random.Generator]:
        rng = np.random.default_rng([seed, position])
        return choose(rng), rng

    return draw


def image_choice(
    dataset: Dataset, weights: Sequence[float] | npt.NDArray[np.float64] | None
) -> Callable[[np.random.Generator], int]:
    """How to choose an image by chance; arguments and errors as for `image_draw`."""
    shares = np.ones(len(dataset)) if weights is None else np.asarray(weights, np.float64)
    if len(shares) != len(dataset) or not shares.sum() > 0 or shares.min() < 0:
        raise DataError(
            f"cannot draw from {len(dataset)} images with {len(shares)} weights: every image "
            "needs a weight of at least 0, and one of them more"
        )
    ends = np.cumsum(shares / shares.sum())

    def choose(rng: np.random.Generator) -> int:
        return min(int(np.searchsorted(ends, rng.random(), side="right")), len(ends) - 1)

    return choose


def training_batches(
    dataset: Dataset,
    *,
    tile: int,
    batch: int,
    rows: range | None = None,
    augmentation: Augmentation,
    seed: int,
    mask_size: int = 112,
    start_step: int = 0,
    fill: Sequence[float] | None = None,
    values: ValueRange = BYTES,
    weights: Sequence[float] | npt.NDArray[np.float64] | None = None,
    cache_bytes: int = 1 << 30,
) -> Iterator[Batch]:
    """Random views for ever.

    Args:
        dataset: Where samples come from; all must have the same bands.
        tile: Side of a view in pixels.
        batch: Views a batch.
        rows: Make only these views of each batch, as where other hosts make the rest.
        augmentation: How far views may stray.
        seed: Names the sequence of views.
        mask_size: Cells along the side of a target mask.
        start_step: Batches to leave out at the start, as when a run resumes.
        fill: Per band, the value of pixels beyond the image and on nodata: the network's mean
            colour, which it is given there when it runs. None: 0.
        values: From black to full brightness in the data set, for changes of colour.
        weights: [N] how often to draw each image, relative to the others; all alike if None.
        cache_bytes: Memory for decoded images.

    Returns:
        Elements (images [B, tile, tile, bands] float32, GroundTruth), B being the number of rows;
        the pixels' values are raw.

    Raises:
        DataError: an empty dataset, or weights that do not fit it.
        GeomrcnnError: when its turn comes, an image that cannot be read.
    """
    rows = rows or range(batch)
    draw, choose = image_draw(dataset, seed, weights), image_choice(dataset, weights)
    cached = CachedDataset(dataset, cache_bytes)

    def another(rng: np.random.Generator) -> Sample:
        return cached.sample(choose(rng))

    def example(position: int) -> tuple[npt.NDArray[np.float32], GroundTruth]:
        index, rng = draw(position)
        view = augment(cached.sample(index), tile, augmentation, rng, values, another)
        return encode(view, mask_size, fill)

    # The first example tells the bands; should it fail, TensorFlow does not wrap the error yet.
    bands = example(start_step * batch)[0].shape[2]

    # TensorFlow gives its threads a new Python state for each call. Libraries that keep things per
    # thread (pyproj keeps PROJ contexts) crash there, so the work is done on threads of Python's.
    workers = ThreadPoolExecutor(thread_name_prefix="examples")

    faults: list[GeomrcnnError] = []

    def flat(position: np.ndarray) -> tuple[np.ndarray, ...]:
        try:
            image, targets = workers.submit(example, int(position)).result()
            if image.shape[2] != bands:
                raise DataError(
                    f"images with {bands} and with {image.shape[2]} bands in one dataset"
                )
        except GeomrcnnError as error:
            faults.append(error)
            raise
        return (image, *targets)

    def load(position: tf.Tensor) -> tuple[tf.Tensor, GroundTruth]:
        types = (tf.float32, tf.float32, tf.int32, tf.uint8)
        image, *rest = tf.numpy_function(flat, [position], types, stateful=False)
        shapes = [None, 4], [None], [None, mask_size, mask_size]
        targets = [tf.ensure_shape(t, shape) for t, shape in zip(rest, shapes, strict=True)]
        return tf.ensure_shape(image, [tile, tile, bands]), GroundTruth(*targets)

    count = len(rows)
    numbers = tf.data.Dataset.counter(np.int64(start_step * count))
    positions = numbers.map(lambda n: n // count * batch + rows.start + n % count)
    examples = positions.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    batches = examples.padded_batch(count, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return _blamed(batches, faults)


def _blamed(batches: tf.data.Dataset, faults: Sequence[GeomrcnnError]) -> Iterator[Batch]:
    """The batches, and the fault itself where TensorFlow only tells of one."""
    try:
        yield from batches
    except tf.errors.OpError:
        if faults:
            raise faults[0] from None
        raise

"""How far random views may stray."""

from __future__ import annotations

from dataclasses import dataclass

from geomrcnn.errors import DataError


@dataclass(frozen=True)
class Augmentation:
    """Limits of what is drawn for each view. Ranges are (low, high).

    Attributes:
        scale: Zoom relative to the image's own pixels; above 1 objects grow.
        flips: Whether to mirror and turn by quarters: overhead imagery has no up.
        turned: Probability of a turn by any angle as well.
        min_visible: Share of an object (of the view, where the object is larger) that a view
            must show for it to count as one; objects that show less become crowd (ignored), for
            they are neither object nor background.
        min_side: Box side in pixels below which an object becomes crowd, too.
        pasted: Probability that objects of another image are pasted in.
        brightness: Added, as a share of the value range, drawn from ± this.
        contrast: Factor about the mean is drawn from 1 ± this.
        saturation: Factor about the grey value is drawn from 1 ± this.
        gain: Factor of each band on its own is drawn from 1 ± this.
        gamma: Exponent is drawn from 1 / (1 + this) to 1 + this.
        haze: Probability of a bright, uneven veil.
        blur: Probability of a slight Gaussian blur, sigma up to 1 pixel.
        noise: Largest standard deviation of Gaussian noise, as a share of the value range.
        jpeg: Probability of a lossy JPEG's artefacts; only bytes in one or three bands have any.
    """

    scale: tuple[float, float] = (0.5, 2.0)
    flips: bool = True
    turned: float = 0.3
    min_visible: float = 0.2
    min_side: float = 4.0
    pasted: float = 0.0
    brightness: float = 0.1
    contrast: float = 0.2
    saturation: float = 0.2
    gain: float = 0.08
    gamma: float = 0.2
    haze: float = 0.05
    blur: float = 0.1
    noise: float = 0.01
    jpeg: float = 0.1

    def __post_init__(self) -> None:
        """Refuse limits that cannot be.

        Raises:
            DataError: naming the limit.
        """
        low, high = self.scale
        shares = ("turned", "min_visible", "pasted", "contrast", "saturation", "gain", "haze",
                  "blur", "jpeg")  # fmt: skip
        faults = {
            "scale must be two factors above 0, the smaller first": not 0 < low <= high,
            **{f"{name} must be from 0 to 1": not 0 <= getattr(self, name) <= 1 for name in shares},
            **{
                f"{name} must not be negative": getattr(self, name) < 0
                for name in ("min_side", "brightness", "gamma", "noise")
            },
        }
        for message, wrong in faults.items():
            if wrong:
                raise DataError(f"augmentation: {message}")


STILL = Augmentation(
    scale=(1.0, 1.0), flips=False, turned=0, brightness=0, contrast=0, saturation=0, gain=0,
    gamma=0, haze=0, blur=0, noise=0, jpeg=0,
)  # fmt: skip
"""Views as they are, at random places."""

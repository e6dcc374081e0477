"""Ways to damage a sound file."""

from __future__ import annotations

import numpy as np

NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 2**31 - 1, 2**32 - 1)
"""That hurt where a header has them for a size or a place."""


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    """The beginning."""
    return content[: int(rng.integers(0, len(content)))]


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """Up to eight bytes changed, most of them near the beginning, where the headers are."""
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        reach = len(damaged) if rng.random() < 0.4 else min(400, len(damaged))
        damaged[int(rng.integers(0, reach))] = int(rng.integers(0, 256))
    return bytes(damaged)


def lying(content: bytes, rng: np.random.Generator) -> bytes:
    """Two or four bytes at a time replaced by numbers that hurt, near the beginning."""
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        size = int(rng.choice([2, 4]))
        value = int(rng.choice(NUMBERS))
        where = int(rng.integers(0, min(500, len(damaged) - 4)))
        damaged[where : where + size] = (value % 256**size).to_bytes(size, "little")
    return bytes(damaged)


def scarred(content: bytes, rng: np.random.Generator) -> bytes:
    """A stretch anywhere cut out, doubled, or overwritten with zeros or noise."""
    start = int(rng.integers(0, len(content)))
    end = min(len(content), start + int(rng.choice([1, 7, 64, 512, 4096])))
    piece = content[start:end]
    instead = (b"", piece * 2, bytes(len(piece)), rng.bytes(len(piece)))
    return content[:start] + instead[int(rng.integers(0, 4))] + content[end:]


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The content after one of these, if there is enough to damage."""
    if len(content) <= 4:
        return content
    ways = (truncated, flipped, lying, scarred)
    return ways[int(rng.integers(0, len(ways)))](content, rng)

"""Split the DSB 2018 nuclei: python scripts/split_nuclei.py COCO OUT_DIR.

Every fifth image of each kind (dark, colour) and size is held out, in the order of file names,
which are hashes. Writes train.json, and val_KIND.json for each kind. Every image gets a GSD of 1,
so that training at 0.5 shows the nuclei at twice their size, as the original's nucleus sample does.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

from split_naip import subset

EVERY = 5


def main(coco: Path, out: Path) -> None:
    """Write the files; image paths become absolute."""
    document = json.loads(coco.read_text())
    images = [
        {**image, "file_name": str((coco.parent / image["file_name"]).resolve()), "gsd": 1.0}
        for image in document["images"]
    ]

    def like(image: dict[str, Any]) -> tuple[str, int, int]:
        return image["kind"], image["width"], image["height"]

    groups = itertools.groupby(sorted(images, key=lambda i: (*like(i), i["file_name"])), like)
    held_out = [image for _, group in groups for image in list(group)[::EVERY]]
    parts = {"train": [image for image in images if image not in held_out]}
    for kind in sorted({image["kind"] for image in images}):
        parts[f"val_{kind}"] = [image for image in held_out if image["kind"] == kind]
    out.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        chosen = subset(document, part)
        (out / f"{name}.json").write_text(json.dumps(chosen))
        print(f"{name}: {len(part)} images, {len(chosen['annotations'])} nuclei")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

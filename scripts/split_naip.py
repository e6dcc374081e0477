"""Split a COCO file by image names: python scripts/split_naip.py COCO OUT_DIR NAME [NAME ...].

The images named go to OUT_DIR/val.json, all others to OUT_DIR/train.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def subset(document: dict[str, Any], images: list[dict[str, Any]]) -> dict[str, Any]:
    """The part of a COCO document about some of its images."""
    ids = {image["id"] for image in images}
    kept = [a for a in document["annotations"] if a["image_id"] in ids]
    return {"images": images, "annotations": kept, "categories": document["categories"]}


def main(coco: Path, out: Path, names: set[str]) -> None:
    """Write both files; image paths become absolute."""
    document = json.loads(coco.read_text())
    images = [
        {**image, "file_name": str((coco.parent / image["file_name"]).resolve())}
        for image in document["images"]
    ]
    held_out = [image for image in images if Path(image["file_name"]).stem in names]
    if len(held_out) != len(names):
        sys.exit(f"{coco}: has {len(held_out)} of the {len(names)} images named")
    rest = [image for image in images if image not in held_out]
    out.mkdir(parents=True, exist_ok=True)
    (out / "val.json").write_text(json.dumps(subset(document, held_out)))
    (out / "train.json").write_text(json.dumps(subset(document, rest)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), set(sys.argv[3:]))

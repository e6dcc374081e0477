"""Names of COCO's classes (https://cocodataset.org), as matterport and torchvision number them."""

from __future__ import annotations

_BY_ID = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, -,
stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe,
-, backpack, umbrella, -, -, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite,
baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, -, wine glass, cup,
fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut,
cake, chair, couch, potted plant, bed, -, dining table, -, -, toilet, -, tv, laptop, mouse, remote,
keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, -, book, clock, vase, scissors,
teddy bear, hair drier, toothbrush
"""

_names = [name.strip() for name in _BY_ID.split(",")]
COCO_90 = tuple(
    f"unused {number}" if name == "-" else name for number, name in enumerate(_names, start=1)
)
"""By COCO's own numbers 1..90, ten of which were never given: torchvision's classes."""
COCO_80 = tuple(name for name in _names if name != "-")
"""Without the gaps: matterport's classes."""

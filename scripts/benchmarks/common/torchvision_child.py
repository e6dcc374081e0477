"""torchvision's Mask R-CNN on CPU torch, for scripts/bench peers.

Run by an interpreter that has torch and torchvision, and need have nothing else but NumPy:

    python torchvision_child.py weights FILE.pth
    python torchvision_child.py run FILE.pth IMAGE.npy LEAST_SCORE RUNS

The first makes a file of random weights, the second prints as JSON what the network took with them.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
import torchvision
from torchvision.models.detection import maskrcnn_resnet50_fpn

CLASSES, PROPOSALS, DETECTIONS = 91, 1000, 100
"""Classes with background, and the numbers that torchvision has for itself."""
UNSEEN = 2
GAINS = {
    "bn3.weight": 0.4,
    "rpn.head.cls_logits.weight": 0.3,
    "rpn.head.bbox_pred.weight": 0.15,
    "cls_score.weight": 0.5,
    "box_predictor.bbox_pred.weight": 0.5,
}
"""What the weights of some layers are multiplied with, so that values stay in a trained network's
range, and boxes differ."""


def network(side: int = 1024, least_score: float = 0.05) -> torch.nn.Module:
    """The network for square images of a side, which it then does not resize."""
    return maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=CLASSES, min_size=side, max_size=side,
        rpn_pre_nms_top_n_test=PROPOSALS, rpn_post_nms_top_n_test=PROPOSALS,
        box_score_thresh=least_score, box_detections_per_img=DETECTIONS,
    ).eval()  # fmt: skip


def write_weights(path: str) -> None:
    """Kernels by He's rule, times 0.7 or their gain; batch norms that change nothing else."""
    torch.manual_seed(0)
    weights = network().state_dict()
    for name, value in weights.items():
        gain = next((gain for ending, gain in GAINS.items() if name.endswith(ending)), None)
        if value.ndim >= 2:
            # A transposed convolution of stride 2 has its inputs first.
            fan_in = len(value) if "conv5_mask" in name else value[0].numel()
            value.normal_(0, (gain or 0.7) * (2 / fan_in) ** 0.5)
        elif gain is not None:
            value.fill_(gain)
    torch.save(weights, path)


def run(path: str, image: str, least_score: float, runs: int) -> dict[str, object]:
    """Seconds of every run, of the whole and of what comes after the network, and what was found.

    Args:
        path: The weights.
        image: An array [H, W, 3] of values from 0 to 255.
        least_score: Of an object.
        runs: How often, without those that are left out.
    """
    pixels = torch.from_numpy(np.load(image).astype(np.float32) / 255).permute(2, 0, 1)
    model = network(pixels.shape[-1], least_score)
    model.load_state_dict(torch.load(path))
    counts: dict[str, int] = {}
    model.rpn.register_forward_hook(
        lambda module, given, made: counts.update(proposals=len(made[0][0]))
    )
    pasting: list[float] = []
    paste = model.transform.postprocess

    def timed(*arguments: object) -> object:
        began = time.perf_counter()
        made = paste(*arguments)
        pasting.append(time.perf_counter() - began)
        return made

    model.transform.postprocess = timed
    spent = []
    with torch.inference_mode():
        for _ in range(UNSEEN + runs):
            began = time.perf_counter()
            (found,) = model([pixels])
            spent.append(time.perf_counter() - began)
    return {
        "seconds": spent[UNSEEN:],
        "pasting": pasting[UNSEEN:],
        "detections": len(found["scores"]),
        "threads": torch.get_num_threads(),
        "versions": f"torchvision {torchvision.__version__}, torch {torch.__version__}",
        **counts,
    }


if __name__ == "__main__":
    verb, file, *rest = sys.argv[1:]
    if verb == "weights":
        write_weights(file)
    else:
        print(json.dumps(run(file, rest[0], float(rest[1]), int(rest[2]))))

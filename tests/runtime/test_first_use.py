"""Several threads may be the first to use OpenVINO."""

import subprocess
import sys

RACE = """
import sys
import threading

import numpy as np
import openvino
from openvino import opset13 as ops

import geomrcnn.runtime.openvino

image = ops.parameter([1, 8], np.float32, "image")
graph = openvino.Model([ops.relu(image)], [image], "graph")
model = openvino.Core().compile_model(graph, "CPU", {"NUM_STREAMS": 2})
requests = [model.create_infer_request() for _ in range(4)]
together = threading.Barrier(len(requests))
seen = np.zeros((1, 8), np.float32)


def look(request):
    together.wait()
    request.infer([seen], share_inputs=True, share_outputs=True)


sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=look, args=(request,)) for request in requests]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_come_at_the_same_time_do_not_wait_for_ever() -> None:
    """Without care, two in three of these hang."""
    for _ in range(6):
        subprocess.run([sys.executable, "-c", RACE], check=True, timeout=30)

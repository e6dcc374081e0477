"""What graphs are rewritten to before OpenVINO compiles them: the same results, but sooner."""

from geomrcnn.runtime.graph.rewriting import make_quick

__all__ = ["make_quick"]

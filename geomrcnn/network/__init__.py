"""The Mask R-CNN: `mask_rcnn.py` shows the whole flow, `config.py` holds every number."""

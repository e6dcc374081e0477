"""How good detections are: COCO scores, outlines, seams."""

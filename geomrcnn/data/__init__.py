"""Training data: samples of imagery with polygons, their augmentation, and the tf.data pipeline."""

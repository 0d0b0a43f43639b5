"""What the browser shows of a run, a webcam or a clip."""

"""Files, images and downloads: what the rest reads and writes with."""

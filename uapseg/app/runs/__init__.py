"""The runs of visitors, and the device on which they train."""

"""What is trained on: the order of pictures, their augmentation, and their goals."""

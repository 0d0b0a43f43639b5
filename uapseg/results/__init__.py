"""What a perturbation does, as figures, pictures and files."""

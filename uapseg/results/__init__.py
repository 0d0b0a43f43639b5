"""Results: reports, comparisons, benchmarks, figures, and perturbations and runs on disk."""

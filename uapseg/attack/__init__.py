"""The search for a perturbation: from a plan to snapshots."""

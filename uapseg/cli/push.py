"""The command push: a finished run as a repository of the Hugging Face Hub."""

from uapseg.cli.flags import Options
from uapseg.cli.output import print_progress, print_result
from uapseg.results.hub import PREFIX, push_to_hub
from uapseg.results.model_card import base_model
from uapseg.results.run_folder import RunFolder


def push(options: Options) -> None:
    """Writes a run's perturbation, plan, report and model card into a repository, and prints its address."""
    folder = RunFolder.open(options.folder)
    plan = folder.plan
    url = push_to_hub(folder, options.repo, licence=options.license, private=options.private)
    names = (plan.model, plan.data, plan.eval_data, plan.weights, *plan.also)
    places = [name for name in names if name and "/" in name and base_model(name) is None]
    if places:
        print_progress(f"Whoever sees it can read the names in its plan: {', '.join(places)}.")
    command = f"python -m uapseg apply {PREFIX}{options.repo} PHOTO"
    print_result({"url": url, "repo": options.repo}, f"Written to {url}; `{command}` uses it.", as_json=options.json)

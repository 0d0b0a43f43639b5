"""A run that has figures, with all that its exports need."""

from dataclasses import dataclass

from uapseg.app import messages, strings
from uapseg.app.frames import Photo, perturb_photo
from uapseg.app.runs.device import LevelArray, level_array, unpack_state
from uapseg.app.runs.run import Run
from uapseg.app.workspace import Workspace
from uapseg.attack.run import Plan
from uapseg.attack.state import State
from uapseg.errors import UapsegError
from uapseg.results.evaluation import MIN_TARGET_SHARE, target_shares
from uapseg.results.figures import Row, draw_figure
from uapseg.results.perturbation_file import Perturbation, best_perturbation
from uapseg.tensors import from_array

ROWS = 4
"""Pictures in the figure."""


@dataclass(frozen=True)
class FinishedRun:
    """The results of a run, to be exported.

    Attributes:
        run: The run.
        plan: Its plan.
        state: Its state.
        workspace: Its network and pictures.
    """

    run: Run
    plan: Plan
    state: State
    workspace: Workspace

    @classmethod
    def of(cls, run: Run, workspace: Workspace) -> "FinishedRun":
        """The results of a run.

        Raises:
            UapsegError: It has no figures yet.
        """
        state = unpack_state(run.checkpoint) if run.checkpoint and run.is_current else None
        if run.plan is None or state is None or not state.validation.image_gradients:
            raise UapsegError(strings.NOTHING_YET)
        return cls(run, run.plan, state, workspace)

    @property
    def perturbation(self) -> Perturbation:
        """The best perturbation."""
        return best_perturbation(self.plan, self.state)

    @property
    def levels(self) -> LevelArray:
        """The same in whole grey levels (3, h, w)."""
        return level_array(self.state.best, self.plan.settings.ball)

    @property
    def title(self) -> str:
        """The target and the network, as a title."""
        return f"{messages.caption(self.plan.target, self.plan.settings.ball)}, network {self.plan.model}"

    def figure(self, kind: str) -> bytes:
        """The table of held-out pictures, before and after, as ``png``, ``jpg`` or ``pdf``."""
        perturbation, model = self.perturbation, self.workspace.model
        rows = [self._row(photo) for photo in self._clearest_photos[:ROWS]]
        return draw_figure(
            rows, perturbation.delta, perturbation.epsilon, model.classes, model.palette, title=self.title, kind=kind
        )

    @property
    def _clearest_photos(self) -> list[Photo]:
        """The held-out pictures, those that show the effect of the target best first."""
        model, target = self.workspace.model, self.plan.target

        def negative_share(photo: Photo) -> float:
            return -min(
                target_shares(from_array(photo.prediction)[None], target, model.classes).item(), MIN_TARGET_SHARE
            )

        return sorted(self.workspace.held_out_photos, key=negative_share)

    def _row(self, photo: Photo) -> Row:
        after = perturb_photo(photo.picture, self.levels)
        images = (from_array(p.transpose(2, 0, 1).copy()).float() / 255 for p in (photo.picture, after))
        clean_image, perturbed_image = images
        return Row(
            clean_image, from_array(photo.prediction), perturbed_image, from_array(self.workspace.predict(after))
        )

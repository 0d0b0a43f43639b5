"""A run asks for the device, has its turn on it, and comes to rest."""

import time
from collections.abc import Generator
from typing import Any

import gradio as gr

from uapseg.errors import UapsegError
from uapseg.ui import words
from uapseg.ui.desk import NOTHING, Updates, going, told
from uapseg.ui.outcomes import change, continues, explained, restore, rewind, settle, since, sorry
from uapseg.ui.runs import GOING, Run, Wish
from uapseg.ui.visits import Visits
from uapseg.ui.worker import optimise

BEAT_SECONDS = 0.5


class Turns(Visits):
    """Events of Start, Pause, Reset and the timeline."""

    def on_ask(self, token: str | None, *values: Any) -> Updates:
        """Start was pressed: refuses at once what cannot run, and gets in line for the device."""
        run = self._run(token)
        if run.status in GOING:
            raise sorry(words.BUSY)
        run.publish(choice=self._choice(values))
        try:
            plan, start = self._plan(run)
        except UapsegError as error:
            raise sorry(str(error)) from error
        if not continues(run):
            run.forget()
        change(run, plan, start, run.choice)
        self.runs.queue(run)
        return going()

    def on_run(self, token: str | None) -> Generator[Updates, None, None]:
        """The run's turn on the device: publishes its steps until it ends, is paused, or nobody watches any more."""
        run = self._run(token)
        if run.status != "waiting" or not run.busy.acquire(timeout=5):
            yield self._resting(run) if run.status not in GOING else NOTHING
            return
        run.watch()
        run.publish(status="running")
        try:
            yield from self._drive(run)
            yield self._resting(run)
        except GeneratorExit:  # the tab was closed; this runs where every visitor would feel a delay
            settle(run)
            raise
        except Exception as error:
            settle(run)
            yield self._resting(run)
            raise explained(error) from error
        finally:
            run.busy.release()

    def _drive(self, run: Run) -> Generator[Updates, None, None]:
        finished = False
        while True:
            finished = yield from self._leg(run)
            wish = run.wish
            if wish is None or run.stop.is_set() or run.alone(self.patience):
                break
            self._grant(run, wish)
        settle(run, finished=finished, note=words.LEFT if run.alone(self.patience) else "")

    def _leg(self, run: Run) -> Generator[Updates, None, bool]:
        """Runs the plan until its end, a wish or a stop; whether it is finished."""
        beat = time.monotonic()
        steps = optimise(run.plan, run.checkpoint)
        try:
            for step in steps:
                run.take(step)
                if run.stop.is_set() or run.alone(self.patience) or _due(run):
                    return False
                if time.monotonic() - beat > BEAT_SECONDS:
                    beat = time.monotonic()
                    yield NOTHING  # a place where Gradio can end the run
        finally:
            steps.close()
        return True

    def _grant(self, run: Run, wish: Wish) -> None:
        """Takes up what was asked for while the run was going."""
        if wish.moment:
            rewind(run, wish.moment)
        plan = self._asked(run)
        if plan:
            change(run, plan, since(run, plan.target), run.choice)

    def _asked(self, run: Run) -> Any:
        try:
            return self._plan(run)[0]
        except UapsegError:
            return None

    def on_pause(self, token: str | None) -> Updates:
        """Pause was pressed: the run stops at its next step, or leaves the line."""
        run = self._run(token)
        run.stop.set()
        if run.status == "waiting":
            settle(run)
        return NOTHING if run.status == "running" else self._resting(run)

    def on_reset(self, token: str | None) -> Updates:
        """Reset was pressed: the run is forgotten."""
        run = self._run(token)
        if run.status in GOING:
            return self.on_pause(token)
        run.forget()
        return self._resting(run)

    def on_back(self, token: str | None, event: gr.EventData) -> Updates:
        """A moment of the timeline was chosen to go on from."""
        run = self._run(token)
        spent = told(event, "spent")
        moment = next((moment for moment in run.moments if moment.spent == spent), None)
        if moment is None:
            raise sorry(words.NO_MOMENT)
        restore(run, moment)
        if run.status == "running":
            run.wish = Wish(time.monotonic(), moment)
            return self._memory(run), *self._controls(run), *NOTHING
        rewind(run, moment)
        run.publish(status="paused", note="")
        return self._memory(run), *self._controls(run), *self._resting(run)

    def on_settled(self, token: str | None) -> Updates:
        """The stage saw the run come to rest, maybe in another tab."""
        run = self._run(token)
        return NOTHING if run.status in GOING else self._resting(run)

    def on_failed(self, token: str | None) -> Updates:
        """The turn on the device failed, maybe before it began because the queue is full."""
        run = self._run(token)
        if run.status == "waiting":
            settle(run)
        return self.on_settled(token)


def _due(run: Run) -> bool:
    return run.wish is not None and time.monotonic() >= run.wish.due

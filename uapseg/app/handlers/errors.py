"""How every event of the page ends: with its answer, or with one sentence; the log has what is not the user's fault.

Gradio shows messages as HTML. What comes from outside, such as a name in a file or in a link, is shown as text.
"""

import html
import logging
import re
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any, cast

import gradio as gr

from uapseg.app import strings
from uapseg.app.gradio_private import local_file
from uapseg.errors import UapsegError


class SentenceError(gr.Error):
    """An error whose message is a sentence for the visitor.

    Example:
        >>> SentenceError("Choose a class.").message
        'Choose a class.'
    """


def user_error(sentence: str) -> SentenceError:
    """An error that the visitor sees as one plain sentence.

    Example:
        >>> user_error("Choose a class.").message
        'Choose a class.'
    """
    return SentenceError(sentence, print_exception=False)


@contextmanager
def user_errors() -> Generator[None, None, None]:
    """Raises errors that the visitor can mend as `SentenceError`, which Gradio shows.

    Raises:
        SentenceError: The block raised a `UapsegError`.

    Example:
        >>> try:
        ...     with user_errors():
        ...         raise UapsegError("Choose a class.")
        ... except SentenceError as error:
        ...     print(error.message)
        Choose a class.
    """
    try:
        yield
    except UapsegError as error:
        raise user_error(str(error)) from error


def as_user_error(error: Exception) -> gr.Error:
    """Converts an error that ended a run to one for the visitor.

    Example:
        >>> as_user_error(RuntimeError("GPU task aborted")).message == strings.EVICTED
        True
    """
    message = str(error)
    if quota := re.search(r"(\d+)s requested vs\. (\d+)s left", message):  # what ZeroGPU says
        return user_error(strings.QUOTA.format(requested=quota[1], left=quota[2]))
    if "quota" in message or "illegal duration" in message:
        return user_error(strings.NO_QUOTA)
    if isinstance(error, gr.Error) and "aborted" not in message:
        return user_error(error.message)
    return user_error(strings.EVICTED if "aborted" in message else strings.BROKEN)


LOG = logging.getLogger(__name__)

MAX_LETTERS = 600
"""The longest message."""

Answer = Callable[[Any], Awaitable[dict[str, Any]]]
"""What the stage's scripts can ask for: from whatever they sent to what they get."""


class Page(gr.Blocks):
    """A page whose errors are sentences for the visitor, in events and API calls alike."""

    async def process_api(self, block_fn: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Answers an event.

        Raises:
            SentenceError: The event failed.
        """
        try:
            return await cast("Any", super()).process_api(block_fn, *args, **kwargs)
        except Exception as error:
            log(error)
            function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
            is_private = function.api_visibility == "private"  # programs print what they get
            raise user_error(html.escape(sentence(error), quote=False) if is_private else sentence(error)) from error

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Reads the value of each component.

        Raises:
            SentenceError: A value is invalid; Gradio's own messages would name Python types and files of the server.
        """
        try:
            return await cast("Any", super()).preprocess_data(block_fn, list(map(local_file, inputs)), *args, **kwargs)
        except Exception as error:
            raise user_error(strings.WRONG_VALUE) from error


def answer_errors(answer: Answer) -> Answer:
    """Makes a function of the stage return its errors as a sentence under ``failed``.

    Example:
        >>> import asyncio
        >>> async def fail(sent):
        ...     raise UapsegError("Choose a class.")
        >>> asyncio.run(answer_errors(fail)({}))
        {'failed': 'Choose a class.'}
    """

    @wraps(answer)
    async def wrapper(payload: Any) -> dict[str, Any]:
        try:
            return await answer(payload)
        except Exception as error:  # noqa: BLE001  the visitor waits for an answer, whatever went wrong
            log(error)
            return {"failed": sentence(error)}

    return wrapper


def sentence(error: Exception) -> str:
    """The message of an error for users, cut to a bounded length.

    Example:
        >>> sentence(UapsegError("Choose a class.")), sentence(ValueError("x")) == strings.FAILED
        ('Choose a class.', True)
    """
    text = error.message if isinstance(error, SentenceError) else str(error)
    return shorten(text, MAX_LETTERS) if isinstance(error, SentenceError | UapsegError) else strings.FAILED


def shorten(text: str, max_length: int) -> str:
    """Cuts a text to a maximum length, in characters.

    Example:
        >>> shorten("a long name", 7)
        'a long…'
    """
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def log(error: Exception) -> None:
    """Logs an unexpected error with its traceback; an error that a user can mend is not logged.

    Example:
        >>> log(UapsegError("A user can mend it, so nothing is logged."))
    """
    fault = error.__cause__ if isinstance(error, SentenceError) else error
    if fault is not None and not isinstance(fault, UapsegError | gr.Error):
        LOG.error("An event of the page failed.", exc_info=fault)

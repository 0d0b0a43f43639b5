"""The exception for what a user can fix, and how other exceptions are quoted in it."""

import re

MAX_LENGTH = 200
"""Characters that are quoted of another exception's message."""


class UapsegError(Exception):
    """Something the user can fix: the message is one plain sentence that says how."""


def one_line(error: BaseException) -> str:
    """The message of any exception on one line, without Python's names of exceptions.

    Example:
        >>> one_line(ValueError("no such   file"))
        'no such file'
        >>> one_line(KeyError("out"))
        "there is no 'out'"
    """
    text = "".join(letter for letter in " ".join(str(error).split()) if letter.isprintable())
    text = re.sub(r"(Traceback \(most recent call last\):? ?)|(\b[A-Z]\w*(Error|Exception)\b:? ?)", "", text)
    if isinstance(error, KeyError):
        return f"there is no {text[:MAX_LENGTH]}"
    return text[:MAX_LENGTH].rstrip() or "it says nothing about why"

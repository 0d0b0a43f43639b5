"""The exception for mistakes that a user can fix, and how it quotes other exceptions."""

import re

MAX_LENGTH = 200
"""The longest quotation of another exception's message, in characters."""


class UapsegError(Exception):
    """A mistake that the user can fix; the message is one plain sentence that says how.

    Example:
        >>> raise UapsegError("There is no file a.png: check the path.")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: There is no file a.png: check the path.
    """


def one_line(error: BaseException) -> str:
    """Formats the message of any exception on one line, without the names of Python's exceptions.

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

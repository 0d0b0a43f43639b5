"""The one exception for what a user can mend, and what exceptions of others say."""

import re

LONGEST = 200
"""Letters that are kept of what somebody else's exception says."""


class UapsegError(Exception):
    """Something the user can mend: the message is one plain sentence that says how."""


def one_line(error: BaseException) -> str:
    """What an exception of anyone's code says, on one line and without the names that Python has for exceptions."""
    text = "".join(letter for letter in " ".join(str(error).split()) if letter.isprintable())
    text = re.sub(r"(Traceback \(most recent call last\):? ?)|(\b[A-Z]\w*(Error|Exception)\b:? ?)", "", text)
    if isinstance(error, KeyError):
        return f"there is no {text[:LONGEST]}"
    return text[:LONGEST].rstrip() or "it says nothing about why"

"""The one exception for what a user can mend."""


class UapsegError(Exception):
    """Something the user can mend: the message is one plain sentence that says how."""

from collections.abc import Callable
from typing import Any

def GPU(duration: Callable[..., int] | int = ...) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...  # noqa: N802

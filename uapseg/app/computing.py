"""Where the page computes what polls ask for: never on the event loop, which everybody waits for."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

_THREADS = ThreadPoolExecutor(max(2, (os.cpu_count() or 2) // 2), thread_name_prefix="uapseg")
"""What asks the network goes here: it takes turns, and does not hold up what takes a few milliseconds."""


async def call_in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Calls a function that asks the network, in one of a few threads."""
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(context.run, function, *args))

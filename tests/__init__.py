"""The tests; ``checked`` is what checks shapes and types in them."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""Named here without brackets, which jaxtyping's list of packages cannot hold."""

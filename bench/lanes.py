"""Work that is waited for together, two at a time: the server has a process for each."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

LANES: Final = 2


def in_lanes(works: Sequence[Callable[[], object]]) -> None:
    """Do all of it, in the order given where there is no free lane; the first failure is raised."""
    with ThreadPoolExecutor(LANES) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()

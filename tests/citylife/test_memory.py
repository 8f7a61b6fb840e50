"""What was freed goes back to the machine."""

import platform
import subprocess
import sys

import pytest

HOLES = """
import psutil
from citylife.memory import give_back

def resident():
    return psutil.Process().memory_info().rss >> 20

rows = [bytearray(1000) for _ in range(100_000)]
last = rows[::2]
full = resident()
rows = last[::10]
last = None
freed = resident()
given = give_back()
print(full, freed, resident(), given, len(rows))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked to give memory back")
def test_a_process_gives_back_what_lies_free_between_what_it_keeps():
    said = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True, timeout=60).stdout
    full, freed, after, given, _kept = said.split()
    assert int(freed) > int(full) - 10, "this C library gives back by itself: the test shows nothing"
    assert int(after) < int(full) - 40
    assert given == "True"

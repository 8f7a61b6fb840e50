"""What a process that leaves finds among what it holds open."""

import os
import socket
from contextlib import closing

from blueprints import leaving


def test_what_listens_is_found_and_no_end_of_a_pipe_is_held():
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with socket.create_server(("127.0.0.1", 0)) as server, closing(os.fdopen(reader, "rb", buffering=0)) as pipe:
        found = list(leaving._listening())
        try:
            os.close(writer)
            assert pipe.read() == b"", "a copy of the other end is open still"
            assert server.getsockname() in {one.getsockname() for one in found}
        finally:
            for one in found:
                one.close()

"""Who may do what: every address and verb of the application, and whom it answers. The proof derives the rest.

A line names a rule of the URL map as Flask knows it, who is let in, what she is answered, and which things are there
for her. Whoever adds an address adds its line, to the addresses of whom it lets in; `test_who_may_do_what.py` fails
until then.
"""

from typing import Final

from tests.api.addresses_of_citizens import OF_CITIZENS
from tests.api.addresses_of_everybody import PUBLIC, THE_WAY_IN
from tests.api.addresses_of_merchants import OF_MERCHANTS
from tests.api.addresses_of_staff import OF_STAFF

TABLE: Final = (*PUBLIC, *THE_WAY_IN, *OF_CITIZENS, *OF_MERCHANTS, *OF_STAFF)

"""The public registers that a claim is helped by: addresses (Base Adresse Nationale) and companies (SIRENE).

They only ever propose. A register that is away, slow or talks nonsense is no answer, and refuses nobody.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Self

from citylife.limits import Limit
from citylife.registers.addresses import AddressRegister, Proposals, ProposedAddress
from citylife.registers.companies import CompanyRegister, ProposedCompany
from citylife.registers.enquiry import Register, Unanswered
from citylife.settings import Settings

ADDRESSES: Final = Limit("address-proposals", 300, dt.timedelta(hours=1))
"""How often addresses are proposed to one merchant: some thirty addresses, typed letter by letter."""
COMPANIES: Final = Limit("company-proposals", 30, dt.timedelta(hours=1))

__all__ = [
    "ADDRESSES",
    "COMPANIES",
    "AddressRegister",
    "CompanyRegister",
    "Proposals",
    "ProposedAddress",
    "ProposedCompany",
    "Register",
    "Registers",
    "Unanswered",
]


@dataclass(frozen=True, slots=True)
class Registers:
    """The registers as one process asks them."""

    addresses: AddressRegister
    companies: CompanyRegister

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those that the settings name; one that they leave out never answers."""
        return cls(
            AddressRegister(Register(settings.geocoder_url, contact=settings.contact)),
            CompanyRegister(Register(settings.companies_url, contact=settings.contact)),
        )

"""A contract that is not met stops the worker at start-up (architecture 4)."""

import pytest
from temporalio import activity

from activities.registry import ContractBroken, activities_of, promised
from definitions import contracts
from definitions.contracts import ExchangeContract, MidnightContract
from definitions.midnight import CloseDate, DateClosed, DatesToClose, DatesWanted


class Half(MidnightContract):
    @activity.defn
    async def dates_to_close(self, request: DatesWanted) -> DatesToClose:
        return DatesToClose(dates=())


class Undecorated(Half):
    async def close_date(self, request: CloseDate) -> DateClosed:
        raise AssertionError("never run")


@pytest.mark.parametrize(
    ("implementation", "says"), [(Half, "is promised by MidnightContract"), (Undecorated, "lacks @activity.defn")]
)
def test_a_slip_is_named(implementation: type, says: str) -> None:
    with pytest.raises(ContractBroken, match=says):
        activities_of(implementation())


def test_something_that_is_no_contract_is_refused() -> None:
    with pytest.raises(ContractBroken, match="derives from no contract"):
        activities_of(object())


def test_every_contract_promises_something() -> None:
    kinds = [v for v in vars(contracts).values() if isinstance(v, type) and v.__name__.endswith("Contract")]
    assert len(kinds) == 10
    assert all(promised(kind) for kind in kinds)
    assert promised(ExchangeContract) == ["send_request"]

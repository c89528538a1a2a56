"""Refuses to start a worker whose contracts are not met (architecture 4).

A method overridden without the decorator registers nothing, and a workflow would wait for it for ever."""

from collections.abc import Callable, Iterable
from typing import Any

DEFINITION = "__temporal_activity_definition"


class ContractBroken(Exception):
    """Names the class and method; fix the implementation, then start again."""


def activities_of(*implementations: object) -> list[Callable[..., Any]]:
    """Every activity of the given instances, after checking each against the contract it derives from."""
    found: list[Callable[..., Any]] = []
    for instance in implementations:
        contract = _contract_of(type(instance))
        for name in promised(contract):
            found.append(_method(instance, contract, name))
    return found


def promised(contract: type) -> list[str]:
    """Names of a contract's activities."""
    return [name for name, member in vars(contract).items() if hasattr(member, DEFINITION)]


def _contract_of(kind: type) -> type:
    contracts = [base for base in kind.__mro__[1:] if promised(base)]
    if not contracts:
        raise ContractBroken(f"{kind.__name__} derives from no contract")
    return contracts[-1]


def _method(instance: object, contract: type, name: str) -> Callable[..., Any]:
    kind = type(instance)
    owner = next(base for base in kind.__mro__ if name in vars(base))
    if owner is contract:
        raise ContractBroken(f"{kind.__name__}.{name} is promised by {contract.__name__} and not implemented")
    if not hasattr(vars(owner)[name], DEFINITION):
        raise ContractBroken(f"{kind.__name__}.{name} lacks @activity.defn: no worker would ever run it")
    method: Callable[..., Any] = getattr(instance, name)
    return method


def unmet(contracts: Iterable[type], implementations: Iterable[object]) -> list[str]:
    """Contracts that no implementation serves."""
    served = {_contract_of(type(i)) for i in implementations}
    return [c.__name__ for c in contracts if c not in served]

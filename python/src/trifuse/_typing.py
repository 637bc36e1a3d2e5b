# SPDX-License-Identifier: MIT OR Apache-2.0
"""What type checkers see of guarded functions: the signature stays, the policy is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from trifuse._breaker import CircuitBreaker
    from trifuse._keys import KeyedBreakers

P = ParamSpec("P")
Q = ParamSpec("Q")
R_co = TypeVar("R_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)
S = TypeVar("S")
W_co = TypeVar("W_co", covariant=True)


class Decorated(Protocol[P, R_co, W_co]):
    """A function under a policy: called as before; the policy is ``.policy``."""

    @property
    def policy(self) -> W_co:
        """The policy that was put around the function last."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call through the policy."""

    @overload
    def __get__(
        self: Decorated[Concatenate[type[S], Q], R_co, W_co], instance: Any, owner: type[S]
    ) -> Decorated[Q, R_co, W_co]: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> Decorated[P, R_co, W_co]: ...
    @overload
    def __get__(
        self: Decorated[Concatenate[S, Q], R_co, W_co], instance: S, owner: Any = None
    ) -> Decorated[Q, R_co, W_co]: ...


class Guarded(Decorated[P, R_co, "CircuitBreaker"], Protocol[P, R_co]):
    """A guarded function: called as before; its breaker is ``.circuit_breaker``."""

    @property
    def circuit_breaker(self) -> CircuitBreaker:
        """The breaker of this function."""

    @overload
    def __get__(
        self: Guarded[Concatenate[type[S], Q], R_co], instance: Any, owner: type[S]
    ) -> Guarded[Q, R_co]: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> Guarded[P, R_co]: ...
    @overload
    def __get__(
        self: Guarded[Concatenate[S, Q], R_co], instance: S, owner: Any = None
    ) -> Guarded[Q, R_co]: ...


class KeyedGuarded(Protocol[P, R_co]):
    """A function with a breaker for each key; they are ``.circuit_breakers``."""

    @property
    def circuit_breakers(self) -> KeyedBreakers:
        """The breakers of this function, by key."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call through the breaker of the call's key."""

    @overload
    def __get__(
        self: KeyedGuarded[Concatenate[type[S], Q], R_co], instance: Any, owner: type[S]
    ) -> KeyedGuarded[Q, R_co]: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> KeyedGuarded[P, R_co]: ...
    @overload
    def __get__(
        self: KeyedGuarded[Concatenate[S, Q], R_co], instance: S, owner: Any = None
    ) -> KeyedGuarded[Q, R_co]: ...

# SPDX-License-Identifier: MIT OR Apache-2.0
"""Pipelines of plain data: a table of settings for each part, and errors that name the field."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trifuse._errors import ConfigurationError

if TYPE_CHECKING:
    from trifuse._pipeline import Pipeline
    from trifuse._policy import Policy

# In the recommended order.
CLASSES = {
    "fallback": ("_fallbacks", "Fallback"),
    "cache": ("cache", "ResultCache"),
    "retry": ("_retry", "Retry"),
    "circuit_breaker": ("_breaker", "CircuitBreaker"),
    "throttle": ("_throttle", "Throttle"),
    "rate_limit": ("_rate_limit", "RateLimit"),
    "token_budget": ("_llm.token_budget", "TokenBudget"),
    "bulkhead": ("_bulkhead", "Bulkhead"),
    "adaptive_limit": ("_adaptive_limit", "AdaptiveLimit"),
    "hedge": ("_hedge", "Hedge"),
    "timeout": ("_timeout", "Timeout"),
    "pipeline": ("_pipeline", "Pipeline"),
}
# The setting that a part's value is when it is no table: ``timeout = 2``.
MAIN = {
    "cache": "ttl", "retry": "max_retries", "circuit_breaker": "preset", "rate_limit": "rate", "token_budget": "tpm",
    "bulkhead": "limit", "adaptive_limit": "algorithm", "timeout": "seconds",
}  # fmt: skip
OWN = ("name", "order", "profile")
_RANKS = list(CLASSES)
_PROFILES = ("critical", "normal", "batch")


def kind_of(key: str) -> str | None:
    """Give the kind of a key such as ``retry`` or ``retry_2``; None for what is none."""
    kind = re.sub(r"_[2-9]\d*$", "", key)
    return kind if kind in CLASSES else None


def class_of(kind: str, fields: Iterable[str] = ()) -> Any:
    """Give the class of a kind that has these settings."""
    from importlib import import_module

    module, name = CLASSES[kind]
    if kind == "rate_limit" and not {"key", "max_keys"}.isdisjoint(fields):
        module, name = "_rate_keys", "KeyedRateLimits"
    return getattr(import_module(f"trifuse.{module}"), name)


def build(
    data: Mapping[str, Any], name: str | None = None, *, registry: Any = ..., told: Mapping[str, str] | None = None
) -> Pipeline:  # fmt: skip
    """Make the pipeline that ``data`` says. ``told``: what to call a path in errors."""
    from trifuse._pipeline import Pipeline

    if not isinstance(data, Mapping):
        raise ConfigurationError("pipeline", data, "a table: settings by kind of policy")
    name = data.get("name") if name is None else name
    if not isinstance(name, str) or not name:
        raise ConfigurationError("name", name, "a text that is not empty")
    return Pipeline(name, *parts_of(data, name, registry, told or {}))


def parts_of(
    data: Mapping[str, Any],
    name: str,
    registry: Any,
    told: Mapping[str, str],
    base: Mapping[str, Any] | None = None,
) -> list[Policy]:
    """Make the parts that ``data`` says, laid over the tables of ``base``."""
    tables, keys = arranged(data, name, told, base)
    kept = [key for key in keys if tables.get(key, True) is not False]
    if not kept:
        raise ConfigurationError(name, dict(data), f"at least one of {', '.join(CLASSES)}")
    return [_part(key, tables.get(key, True), name, registry, told) for key in kept]


def arranged(
    data: Mapping[str, Any], name: str, told: Mapping[str, str], base: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Give the tables by key, those of ``base`` or the profile included, and the order of the keys."""
    base = {} if base is None else base
    if data.get("profile") is not None:
        base = profile_tables(data["profile"], f"{name}.profile", told)
    tables = dict(base)
    for key, value in data.items():
        if key in OWN:
            continue
        if not isinstance(key, str) or kind_of(key) is None:
            raise unknown(
                told.get(f"{name}.{key}", f"{name}.{key}"), value, "a policy", key, (*CLASSES, *OWN)
            )
        tables[key] = _laid_over(base[key], str(kind_of(key)), value) if base.get(key) else value
    keys = list(base)
    insert_by_rank(keys, [key for key in tables if key not in base]) if base else keys.extend(tables)
    return tables, ordered(data["order"], keys, f"{name}.order", told) if "order" in data else keys


def _laid_over(under: Mapping[str, Any], kind: str, value: Any) -> Any:
    if value is True:
        return under
    if kind in MAIN and value is not False and value is not None and not isinstance(value, Mapping):
        value = {MAIN[kind]: value}
    return {**under, **value} if isinstance(value, Mapping) else value


def insert_by_rank(keys: list[str], more: Iterable[str]) -> None:
    """Put keys behind the innermost of ``keys`` that the recommended order has before them."""
    for key in more:
        rank = _RANKS.index(str(kind_of(key)))
        ranks = [_RANKS.index(str(kind_of(other))) for other in keys]
        keys.insert(1 + max((i for i, other in enumerate(ranks) if other <= rank), default=-1), key)


def ordered(order: Any, keys: list[str], path: str, told: Mapping[str, str]) -> list[str]:
    """Read an order, which must have each of ``keys``. Raises ConfigurationError."""
    listed = [part.strip() for part in re.split(r"[,>]", order)] if isinstance(order, str) else order
    path = told.get(path, path)
    if not isinstance(listed, (list, tuple)) or not all(isinstance(key, str) for key in listed):
        raise ConfigurationError(path, order, "a list of policies, the outermost first")
    for key in listed:
        if kind_of(key) is None:
            raise unknown(path, order, "a policy", key, CLASSES)
    if len(set(listed)) != len(listed) or set(keys) - set(listed):
        raise ConfigurationError(path, order, f"each of {', '.join(keys)}, once")
    return list(listed)


def profile_tables(profile: Any, path: str, told: Mapping[str, str]) -> dict[str, Any]:
    """Give the tables of a service profile; its numbers are the core's."""
    if profile not in _PROFILES:
        raise ConfigurationError(told.get(path, path), profile, ", ".join(_PROFILES))
    from trifuse._core import ffi, lib
    from trifuse._durations import seconds

    number = getattr(lib, f"TRIFUSE_PRESET_{profile.upper()}")
    retry, limiter = ffi.new("trifuse_retry_config *"), ffi.new("trifuse_limiter_config *")
    lib.trifuse_retry_config_init(retry, ffi.sizeof(retry[0]), number)
    lib.trifuse_limiter_config_init(limiter, ffi.sizeof(limiter[0]), number)
    rate = {"permits": limiter.permits, "seconds": seconds(limiter.period_ns)}
    return {
        "retry": {"max_retries": retry.max_retries},
        "circuit_breaker": {"preset": profile},
        "rate_limit": {"rate": rate},
    }


def _part(key: str, value: Any, name: str, registry: Any, told: Mapping[str, str]) -> Policy:
    kind, path = str(kind_of(key)), f"{name}.{key}"
    cls = class_of(kind)
    if kind == "pipeline":
        if not isinstance(value, Mapping):
            raise ConfigurationError(told.get(path, path), value, "a table: settings by kind of policy")
        return build(value, None if "name" in value else name, registry=registry, told=told)
    if kind == "fallback" and not isinstance(value, (Mapping, bool)):
        return cls(value, name=name)  # type: ignore[no-any-return]
    fields = fields_of(kind, value, path, told)
    if kind == "rate_limit":
        cls = class_of(kind, fields)
        fields.setdefault("rate", None)  # which is refused
    own = fields.pop("name", name)
    check_names(fields, path, kind, (*cls.settings, *_of_code(cls)), told)
    with located(path, told):
        if kind == "circuit_breaker":
            home = {} if registry is ... else {"registry": registry}
            return cls(own, **home, **fields)  # type: ignore[no-any-return]
        return cls(name=own, **fields)  # type: ignore[no-any-return]


def fields_of(kind: str, value: Any, path: str, told: Mapping[str, str]) -> dict[str, Any]:
    """Give the settings of a part: of a table, True, or the one value that says it all."""
    if value is True:
        return {}
    if isinstance(value, Mapping):
        return dict(value)
    if kind in MAIN and value is not False and value is not None:
        return {MAIN[kind]: value}
    raise ConfigurationError(told.get(path, path), value, "a table of settings, true or false")


def check_names(
    fields: Mapping[str, Any], path: str, kind: str, known: Iterable[str], told: Mapping[str, str]
) -> None:
    """Raise ConfigurationError for a setting that is not known, with the nearest that is."""
    known = set(known)
    for field, value in fields.items():
        if field not in known:
            where = f"{path}.{field}"
            raise unknown(told.get(where, where), value, f"a setting of a {kind}", str(field), known)


def unknown(path: str, value: object, what: str, key: object, known: Iterable[str]) -> ConfigurationError:
    """Make the error about a name that is not known."""
    from difflib import get_close_matches

    near = get_close_matches(str(key), list(known), 1, 0.5)
    every = ", ".join(sorted(known))
    meant = f"did you mean {near[0]}? " if near else ""
    return ConfigurationError(path, value, f"{what}; there is no {key!r}: {meant}known are {every}")


def _of_code(cls: Any) -> Iterable[str]:
    """Give the keyword arguments that only code can give: functions, types, shared objects."""
    if cls.kind == "circuit_breaker":
        from trifuse._breaker import BreakerFields

        return BreakerFields.__annotations__
    from inspect import signature
    from typing import get_args, get_type_hints

    names = {
        name
        for name, parameter in signature(cls).parameters.items()
        if parameter.kind != parameter.VAR_POSITIONAL
    }
    if "fields" in names:
        names |= get_args(get_type_hints(cls.__init__)["fields"])[0].__annotations__.keys()
    return names - {"name", "fields"}


@contextlib.contextmanager
def located(path: str, told: Mapping[str, str]) -> Iterator[None]:
    """Let a ConfigurationError raised inside name the field by its path."""
    try:
        yield
    except ConfigurationError as error:
        where = f"{path}.{error.field}"
        where = told.get(where) or told.get(path) or where
        raise ConfigurationError(where, error.value, error.allowed) from None


def plan_changes(pipeline: Pipeline, changes: Mapping[str, Any]) -> list[tuple[Policy, dict[str, Any], Any]]:
    """Check changes by key of the part and give what is to be done. Raises ConfigurationError."""
    keyed = dict(pipeline.items())
    plan = []
    for key, value in changes.items():
        path = f"{pipeline.name}.{key}"
        policy = keyed.get(key)
        if policy is None:
            raise unknown(path, value, "a part of this pipeline", key, keyed)
        if isinstance(value, bool):
            raise ConfigurationError(path, value, "settings; parts cannot be added or taken out")
        fields = fields_of(policy.kind, value, path, {})
        known = dict(policy.items()) if policy.kind == "pipeline" else policy.settings  # type: ignore[attr-defined]
        check_names(fields, path, policy.kind, known, {})
        with located(path, {}):
            policy._checked(fields)
        plan.append((policy, fields, located(path, {})))
    return plan


def dump(pipeline: Pipeline) -> dict[str, Any]:
    """Give the data that makes the like of a pipeline."""
    data: dict[str, Any] = {"name": pipeline.name}
    for key, policy in pipeline.items():
        if policy.kind == "pipeline":
            data[key] = dump(policy)  # type: ignore[arg-type]
            continue
        named = {} if policy.name == pipeline.name else {"name": policy.name}
        data[key] = {**named, **policy._settings()}
    return data


_RATE = re.compile(r"\s*(\d+)\s*(?:/|\bper\b)\s*(\d+(?:\.\d+)?)?\s*([a-z]+)\s*", re.IGNORECASE)
_UNITS = {
    1: ("s", "sec", "second", "seconds"),
    60: ("m", "min", "minute", "minutes"),
    3_600: ("h", "hour", "hours"),
    86_400: ("d", "day", "days"),
}
_RATES = "tokens per second, '500/minute', '20/10 seconds', or a table of permits and seconds"


def read_rate(value: Any) -> Any:
    """Read a rate as configurations write it, a text or a table. Raises ConfigurationError."""
    from trifuse._rates import per

    if isinstance(value, str):
        found = _RATE.fullmatch(value)
        unit = [size for size, names in _UNITS.items() if found and found[3].lower() in names]
        if found is None or not unit:
            raise ConfigurationError("rate", value, _RATES)
        return per(int(found[1]), seconds=float(found[2] or 1) * unit[0])
    if isinstance(value, Mapping):
        if value.keys() != {"permits", "seconds"}:
            raise ConfigurationError("rate", dict(value), _RATES)
        return per(value["permits"], seconds=value["seconds"])
    return value

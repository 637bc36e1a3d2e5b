# SPDX-License-Identifier: MIT OR Apache-2.0
"""A FastAPI application whose route functions are guarded; run by uvicorn with several workers."""

from __future__ import annotations

import os
import sys
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from trifuse import RefusedError, circuit_breaker, registry

OPENS_AT_2 = {"consecutive_failures": 2, "failure_rate_threshold": 1.0, "open_duration": 60}
app = FastAPI()


@app.exception_handler(RefusedError)
async def refused(_: Request, error: RefusedError) -> JSONResponse:
    return JSONResponse({"refused": error.name, "retry_after": error.retry_after}, 503)


@app.exception_handler(OSError)
async def failed(_: Request, error: OSError) -> JSONResponse:
    return JSONResponse({"failed": str(error)}, 502)


def user(authorization: Annotated[str, Header()] = "nobody") -> str:
    return authorization


@app.get("/items/{item}")
@circuit_breaker("items")
async def items(item: int, who: Annotated[str, Depends(user)], limit: int = 10) -> dict[str, object]:
    """Find an item."""
    return {"item": item, "who": who, "limit": limit, "pid": os.getpid()}


@app.get("/orders/{order}")
@circuit_breaker("orders", **OPENS_AT_2)
def orders(order: str, *, broken: bool = False) -> dict[str, object]:
    if broken:
        raise OSError("the database is away")
    return {"order": order, "pid": os.getpid()}


@app.get("/state")
async def state() -> dict[str, object]:
    found = {name: breaker.snapshot() for name, breaker in registry.items()}
    shown = {name: [x.state, x.successes, x.failures, x.refused] for name, x in found.items()}
    return {"pid": os.getpid(), **shown}


if __name__ == "__main__":
    import uvicorn

    uvicorn.run("shop:app", port=int(sys.argv[2]), workers=int(sys.argv[1]), log_level="warning")

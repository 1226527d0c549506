"""The command: `razorpay-sandbox`, or `python -m razorpay_sandbox`."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from pathlib import Path

import uvicorn

from razorpay_sandbox.app import Settings, build


def main() -> None:
    """Serves until it is told to stop."""
    given = _arguments()
    if given.key_id.startswith("rzp_live_"):
        sys.exit("rzp_live_ keys belong to real money: the sandbox refuses them")
    if given.host != "localhost" and not ipaddress.ip_address(given.host).is_loopback:
        sys.exit("the sandbox listens on loopback only: nobody else may pay for nothing")
    settings = Settings(
        key_id=given.key_id,
        key_secret=given.key_secret,
        webhook_secrets=tuple(given.webhook_secret.split(",")),
        webhook_urls=tuple(url for url in given.webhook_url.split(",") if url),
        seed=given.seed,
        state=Path(given.state) if given.state else None,
    )
    uvicorn.run(
        build(settings),
        host=given.host,
        port=given.port,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("razorpay-sandbox", description="A stand-in for Razorpay.")
    for name, default in (
        ("--host", "127.0.0.1"),
        ("--key-id", "rzp_test_sandbox"),
        ("--key-secret", "sandbox-key-secret"),
        ("--webhook-secret", "sandbox-webhook-secret"),
        ("--webhook-url", ""),
        ("--state", ""),
    ):
        variable = "SANDBOX_" + name.removeprefix("--").replace("-", "_").upper()
        parser.add_argument(name, default=os.environ.get(variable, default), help=f"or {variable}")
    parser.add_argument("--port", type=int, default=int(os.environ.get("SANDBOX_PORT", "8001")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SANDBOX_SEED", "0")))
    return parser.parse_args()


if __name__ == "__main__":
    main()

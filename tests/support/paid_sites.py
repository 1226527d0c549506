"""A running site with its worker and its gateway, which calls it back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from matricula.config import environment
from tests.support.databases import site_environment
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.sites import Site, running_site, stop

_MATRICULA = str(Path(sys.executable).parent / "matricula")


@dataclass(frozen=True)
class PaidSite:
    site: Site
    sandbox: Sandbox

    def matricula(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command on the site's database."""
        return subprocess.run(
            [_MATRICULA, *arguments],
            env=environ_of(self.site),
            capture_output=True,
            text=True,
            check=False,
        )

    def tokens(self, count: int) -> list[str]:
        """Access tokens of as many new people."""
        file = self.site.home / f"tokens-{count}"
        done = self.matricula("demo", "--people", str(count), "--tokens", str(file))
        assert done.returncode == 0, done.stdout + done.stderr
        return file.read_text().split()

    def worker(self) -> subprocess.Popen[bytes]:
        """Starts a worker; the caller ends it."""
        with (self.site.home / "worker.log").open("ab") as out:
            return subprocess.Popen(
                [_MATRICULA, "worker"],
                env=environ_of(self.site),
                stdout=out,
                stderr=subprocess.STDOUT,
            )


def environ_of(site: Site) -> dict[str, str]:
    return {
        **os.environ,
        **site_environment(site.database_url),
        "MATRICULA_HOME": str(site.home),
        "PORT": str(urlsplit(site.url).port),
    }


@contextmanager
def running_paid_site(*, worker: bool = True, **extra: str) -> Iterator[PaidSite]:
    """The site, its gateway with webhooks, and a worker."""
    with running_site(**extra) as site:
        account = environment.load(environ_of(site)).razorpay
        assert account is not None
        with running_sandbox(account, webhook_url=f"{site.url}/webhooks/razorpay") as sandbox:
            paid = PaidSite(site, sandbox)
            process = paid.worker() if worker else None
            try:
                yield paid
            finally:
                if process is not None:
                    stop(process)

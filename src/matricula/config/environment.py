"""Reads the environment once, into one frozen value.

Everything an operator can set stands here, with its default. A missing or wrong
setting raises `SettingError`, whose text is the one line shown to the operator.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from matricula.config import mail
from matricula.config.mail import MailSettings
from matricula.config.reading import SettingError, integer, listed, split

RAZORPAY_URL = "https://api.razorpay.com"
VIES_URL = "https://ec.europa.eu/taxation_customs/vies/rest-api"
DEMO_EXTRA_ORIGIN = "https://app.example.com"


IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class RazorpaySettings:
    """An account at Razorpay, or at the sandbox that stands in for it. `webhook_secrets` are all
    valid, the newest first, so that a secret can be changed without losing an event."""

    key_id: str
    key_secret: str
    webhook_secrets: tuple[str, ...]
    base_url: str
    is_sandbox: bool = False

    @property
    def checkout_script(self) -> str:
        """What opens the gateway's form in the page."""
        if self.base_url == RAZORPAY_URL:
            return "https://checkout.razorpay.com/v1/checkout.js"
        return f"{self.base_url}/v1/checkout.js"

    @property
    def checkout_form(self) -> str:
        """Where a form is posted that opens the gateway's page instead, without scripts."""
        return f"{self.base_url}/v1/checkout/embedded"

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins a payment page must let in (its Content-Security-Policy)."""
        if self.base_url == RAZORPAY_URL:
            return (RAZORPAY_URL, "https://checkout.razorpay.com", "https://*.razorpay.com")
        return (self.base_url,)


@dataclass(frozen=True)
class WaitlistSettings:
    """How long an offered seat is held, unless the cohort says otherwise; and from when to when, on
    the clock of the installation, none is offered."""

    offer_hours: int
    quiet_hours: tuple[time, time] | None


@dataclass(frozen=True)
class Environment:
    """One installation's settings, checked."""

    port: int
    bind: str
    home: Path
    database_url: str | None
    database_direct_url: str | None
    demo: bool
    secret_key: str
    time_zone: ZoneInfo
    hold_seconds: int
    rooms_open_above: int
    registration_after_start: timedelta
    base_url: str
    allowed_origins: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    limits: bool
    metrics_token: str
    not_ready_after_seconds: int
    mail: MailSettings
    web_workers: int
    razorpay: RazorpaySettings | None
    terms_url: str
    terms_version: str
    vies_url: str
    waitlist: WaitlistSettings
    webhook_networks: tuple[IPNetwork, ...]

    @property
    def socket_origin(self) -> str:
        """Where the site's WebSockets are: older browsers don't take it for the site itself."""
        return self.base_url.replace("http", "ws", 1)


def load(environ: Mapping[str, str]) -> Environment:
    """The environment of this installation.

    Raises SettingError for the first setting that is missing or wrong.
    """
    demo = _flag(environ, "MATRICULA_DEMO", default=False)
    bind = _bind(environ, demo=demo)
    port = integer(environ, "PORT", default=8000, low=1, high=65534)
    home = Path(environ.get("MATRICULA_HOME") or "./var").absolute()
    base_url = _base_url(environ, default=f"http://127.0.0.1:{port}" if demo else None)
    return Environment(
        port=port,
        bind=bind,
        home=home,
        database_url=_database_url(environ, "DATABASE_URL"),
        database_direct_url=_database_url(environ, "DATABASE_DIRECT_URL"),
        demo=demo,
        secret_key=_secret(environ, "MATRICULA_SECRET_KEY", demo=demo, home=home, least=32),
        time_zone=_time_zone(environ),
        hold_seconds=_hold_seconds(environ),
        rooms_open_above=_rooms_open_above(environ),
        registration_after_start=_registration_after_start(environ),
        base_url=base_url,
        allowed_origins=_allowed_origins(environ, base_url, demo=demo, port=port),
        allowed_hosts=_allowed_hosts(environ, base_url, demo=demo),
        trusted_proxies=_trusted_proxies(environ),
        limits=_limits(environ, demo=demo),
        metrics_token=_secret(environ, "MATRICULA_METRICS_TOKEN", demo=demo, home=home, least=16),
        not_ready_after_seconds=_not_ready_after_seconds(environ),
        mail=mail.read(environ, demo=demo),
        web_workers=integer(environ, "WEB_WORKERS", default=os.cpu_count() or 1, low=1, high=256),
        razorpay=_razorpay(environ, demo=demo, home=home, port=port),
        terms_url=_terms_url(environ),
        terms_version=environ.get("MATRICULA_TERMS_VERSION", "").strip()[:40],
        vies_url=_vies_url(environ, demo=demo),
        waitlist=_waitlist(environ),
        webhook_networks=_webhook_networks(environ),
    )


def _hold_seconds(environ: Mapping[str, str]) -> int:
    return integer(environ, "MATRICULA_HOLD_SECONDS", default=1800, low=1, high=7 * 86400)


def _rooms_open_above(environ: Mapping[str, str]) -> int:
    return integer(environ, "MATRICULA_ROOMS_OPEN_ABOVE", default=0, low=0, high=1_000_000)


def _registration_after_start(environ: Mapping[str, str]) -> timedelta:
    """How long after its start a cohort can still be enrolled in, unless it says otherwise."""
    name = "MATRICULA_REGISTRATION_HOURS_AFTER_START"
    return timedelta(hours=integer(environ, name, default=0, low=0, high=366 * 24))


def _not_ready_after_seconds(environ: Mapping[str, str]) -> int:
    """0: background work that lags never makes the site not ready."""
    return integer(environ, "MATRICULA_NOT_READY_AFTER_SECONDS", default=900, low=0, high=86400)


def _waitlist(environ: Mapping[str, str]) -> WaitlistSettings:
    return WaitlistSettings(
        offer_hours=integer(environ, "MATRICULA_OFFER_HOURS", default=24, low=1, high=30 * 24),
        quiet_hours=_quiet_hours(environ),
    )


def _quiet_hours(environ: Mapping[str, str]) -> tuple[time, time] | None:
    name = "MATRICULA_QUIET_HOURS"
    text = environ.get(name, "").strip()
    if not text:
        return None
    try:
        begin, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        begin = end = time()
    if begin == end:
        raise SettingError(
            name, f"is {text!r}", "set it to two times, like 22:00-07:00, or unset it"
        )
    return begin, end


def _time_zone(environ: Mapping[str, str]) -> ZoneInfo:
    name = "MATRICULA_TIME_ZONE"
    text = environ.get(name, "").strip() or "UTC"
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        remedy = "set it to a name like Asia/Kolkata, or unset it for UTC"
        raise SettingError(name, f"is {text!r}", remedy) from None


def _razorpay(
    environ: Mapping[str, str], *, demo: bool, home: Path, port: int
) -> RazorpaySettings | None:
    """All of the account or nothing of it; in demo mode nothing means the sandbox."""
    names = ("RAZORPAY_KEY_ID", "RAZORPAY_KEY_SECRET", "RAZORPAY_WEBHOOK_SECRET")
    given = {name: environ.get(name, "").strip() for name in names}
    if not any(given.values()):
        return _sandbox(home, port) if demo else None
    for name, value in given.items():
        if not value:
            raise SettingError(name, "is not set", f"set it, or unset {', '.join(names)}")
    name = "RAZORPAY_BASE_URL"
    base_url = _origin(name, environ.get(name, "").strip().rstrip("/") or RAZORPAY_URL)
    parts = urlsplit(base_url)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise SettingError(name, "is not encrypted", "use an https:// address")
    return RazorpaySettings(
        key_id=given["RAZORPAY_KEY_ID"],
        key_secret=given["RAZORPAY_KEY_SECRET"],
        webhook_secrets=listed(environ, "RAZORPAY_WEBHOOK_SECRET"),
        base_url=base_url,
    )


def _sandbox(home: Path, port: int) -> RazorpaySettings:
    return RazorpaySettings(
        key_id="rzp_test_matriculademo",
        key_secret=_kept_secret(home / "sandbox_key_secret"),
        webhook_secrets=(_kept_secret(home / "sandbox_webhook_secret"),),
        base_url=f"http://127.0.0.1:{port + 1}",
        is_sandbox=True,
    )


def _terms_url(environ: Mapping[str, str]) -> str:
    name = "MATRICULA_TERMS_URL"
    url = environ.get(name, "").strip()
    remedy = "set it to the address of your terms, like https://example.org/terms"
    if url and split(name, url, remedy).scheme not in {"http", "https"}:
        raise SettingError(name, "is not an address", remedy)
    return url


def _vies_url(environ: Mapping[str, str], *, demo: bool) -> str:
    """Where VAT ids are asked about; empty when nobody is asked, as in a demo."""
    name = "MATRICULA_VIES_URL"
    url = environ.get(name, "").strip().rstrip("/") or ("off" if demo else VIES_URL)
    if url.lower() == "off":
        return ""
    remedy = "set it to an https:// address, to off, or unset it"
    parts = split(name, url, remedy)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and _is_loopback(parts.hostname or "")
    ):
        raise SettingError(name, "is no encrypted address", remedy)
    return url


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise SettingError(name, f"is {text!r}, not a yes or a no", "set it to 1 or 0")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _database_url(environ: Mapping[str, str], name: str) -> str | None:
    url = environ.get(name, "").strip()
    if not url:
        return None
    remedy = (
        "set it to postgresql://user:password@host:5432/name, or unset it for the embedded database"
    )
    scheme = split(name, url, remedy).scheme
    if scheme not in {"postgres", "postgresql"}:
        raise SettingError(name, f"has the scheme {scheme!r}", remedy)
    return url


def _secret(environ: Mapping[str, str], name: str, *, demo: bool, home: Path, least: int) -> str:
    given = environ.get(name, "").strip()
    if given:
        if len(given) < least:
            raise SettingError(
                name, f"is shorter than {least} characters", "use a longer random text"
            )
        return given
    if not demo:
        raise SettingError(
            name,
            "is not set",
            "set it to a long random text, for example the output of: openssl rand -base64 48",
        )
    return _kept_secret(home / name.lower())


def _kept_secret(path: Path) -> str:
    """A random secret kept in `path`, made on first use. Two starters agree on one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_secret(path)
        kept = path.read_text().strip()
    except OSError as error:
        raise SettingError(
            "MATRICULA_HOME",
            f"({path.parent}) cannot be written: {error.strerror}",
            "point it to a folder this user may write",
        ) from error
    if not kept:
        raise SettingError(
            "MATRICULA_HOME", f"holds an empty {path.name}", "delete that file and start again"
        )
    return kept


def _make_secret(path: Path) -> None:
    """Writes a new secret aside and links it to its name, so that it is there whole or not at all;
    of several starters the first wins."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink()


def _base_url(environ: Mapping[str, str], default: str | None) -> str:
    url = environ.get("MATRICULA_BASE_URL", "").strip().rstrip("/") or default
    if url is None:
        raise SettingError(
            "MATRICULA_BASE_URL",
            "is not set",
            "set it to this site's address, like https://enroll.example.org",
        )
    return _origin("MATRICULA_BASE_URL", url)


def _origin(name: str, url: str) -> str:
    remedy = "give an origin without a path, like https://enroll.example.org"
    parts = split(name, url, remedy)
    extra = parts.path or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in {"http", "https"} or not parts.hostname or extra:
        raise SettingError(name, "is not an origin", remedy)
    return f"{parts.scheme}://{parts.netloc}"


def _allowed_origins(
    environ: Mapping[str, str], base_url: str, *, demo: bool, port: int
) -> tuple[str, ...]:
    name = "MATRICULA_ALLOWED_ORIGINS"
    given = [_origin(name, url.rstrip("/")) for url in listed(environ, name)]
    loopback = [f"http://127.0.0.1:{port}", f"http://localhost:{port}", DEMO_EXTRA_ORIGIN]
    return tuple(dict.fromkeys([base_url, *given, *(loopback if demo else [])]))


def _allowed_hosts(environ: Mapping[str, str], base_url: str, *, demo: bool) -> tuple[str, ...]:
    own = urlsplit(base_url).hostname or ""
    loopback = ["127.0.0.1", "localhost", "[::1]"] if demo else []
    return tuple(dict.fromkeys([own, *listed(environ, "ALLOWED_HOSTS"), *loopback]))


def _trusted_proxies(environ: Mapping[str, str]) -> tuple[str, ...]:
    proxies = listed(environ, "TRUSTED_PROXIES")
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError as error:
            raise SettingError(
                "TRUSTED_PROXIES",
                f"holds {proxy!r}",
                "list addresses or networks, like 10.0.0.5,10.1.0.0/16",
            ) from error
    return proxies


def _bind(environ: Mapping[str, str], *, demo: bool) -> str:
    bind = environ.get("BIND") or "127.0.0.1"
    if demo and not _is_loopback(bind):
        raise SettingError(
            "BIND",
            f"is {bind}, but demo mode answers on loopback only",
            "set BIND=127.0.0.1, or MATRICULA_DEMO=0 for a real installation",
        )
    return bind


def _webhook_networks(environ: Mapping[str, str]) -> tuple[IPNetwork, ...]:
    """The private networks that webhooks may reach; none by default."""
    try:
        return tuple(map(ipaddress.ip_network, listed(environ, "MATRICULA_WEBHOOK_NETWORKS")))
    except ValueError as error:
        raise SettingError(
            "MATRICULA_WEBHOOK_NETWORKS",
            f"is not a list of networks ({error})",
            "list networks, like 10.20.0.0/16,fd00::/64, or leave it empty",
        ) from error


def _limits(environ: Mapping[str, str], *, demo: bool) -> bool:
    text = environ.get("MATRICULA_LIMITS", "").strip().lower() or "default"
    if text not in {"default", "off"}:
        raise SettingError("MATRICULA_LIMITS", f"is {text!r}", "set it to default or off")
    if text == "off" and not demo:
        raise SettingError(
            "MATRICULA_LIMITS", "is off outside demo mode", "unset it, or set MATRICULA_DEMO=1"
        )
    return text == "default"

"""The environment: every default, and one line for everything that is wrong."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from matricula.config.environment import Environment, load
from matricula.config.reading import SettingError, listed

REAL = {
    "MATRICULA_SECRET_KEY": "s" * 40,
    "MATRICULA_METRICS_TOKEN": "m" * 20,
    "MATRICULA_BASE_URL": "https://enroll.example.org",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
    "DATABASE_URL": "postgresql://matricula@db.example.org/matricula",
}


def real(**changes: str) -> Environment:
    """A real installation's settings, with changes; an empty text is like none."""
    return load({**REAL, **changes})


def demo(home: Path, **changes: str) -> Environment:
    return load({"MATRICULA_DEMO": "1", "MATRICULA_HOME": str(home), **changes})


def complaint(**changes: str) -> str:
    with pytest.raises(SettingError) as caught:
        real(**changes)
    return str(caught.value)


def test_a_real_installation_has_the_defaults_of_the_interface() -> None:
    settings = real()
    assert (settings.port, settings.bind, settings.demo) == (8000, "127.0.0.1", False)
    assert (settings.hold_seconds, settings.limits) == (1800, True)
    assert settings.web_workers == os.cpu_count()
    assert settings.home == Path("var").absolute()


def test_a_real_installation_allows_its_own_address_only() -> None:
    settings = real()
    assert settings.allowed_hosts == ("enroll.example.org",)
    assert settings.allowed_origins == ("https://enroll.example.org",)
    assert settings.trusted_proxies == ()


def test_demo_mode_needs_nothing_and_stays_on_loopback(tmp_path: Path) -> None:
    settings = demo(tmp_path, PORT="8123")
    assert settings.base_url == "http://127.0.0.1:8123"
    assert "https://app.example.com" in settings.allowed_origins
    assert set(settings.allowed_hosts) == {"127.0.0.1", "localhost", "[::1]"}
    assert settings.database_url is None


@pytest.mark.parametrize("name", [name for name in REAL if name != "DATABASE_URL"])
def test_what_a_real_installation_needs_is_asked_for(name: str) -> None:
    text = complaint(**{name: ""})
    assert text.startswith(f"{name} is not set: set it to ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65535"),
        ("PORT", "-1"),
        ("PORT", "٨٠"),
        ("PORT", "8000\n9000"),
        ("MATRICULA_DEMO", "perhaps"),
        ("MATRICULA_HOLD_SECONDS", "0"),
        ("MATRICULA_HOLD_SECONDS", "1.5"),
        ("MATRICULA_HOLD_SECONDS", "604801"),
        ("MATRICULA_ROOMS_OPEN_ABOVE", "-1"),
        ("WEB_WORKERS", "0"),
        ("WEB_WORKERS", "many"),
        ("WEB_WORKERS", "257"),
        ("DATABASE_URL", "mysql://db/x"),
        ("DATABASE_URL", "just a name"),
        ("MATRICULA_SECRET_KEY", "s" * 31),
        ("MATRICULA_METRICS_TOKEN", "m" * 15),
        ("MATRICULA_BASE_URL", "enroll.example.org"),
        ("MATRICULA_BASE_URL", "ftp://enroll.example.org"),
        ("MATRICULA_BASE_URL", "https://enroll.example.org/courses"),
        ("MATRICULA_BASE_URL", "https://enroll.example.org?x=1"),
        ("MATRICULA_BASE_URL", "https://"),
        ("MATRICULA_ALLOWED_ORIGINS", "https://a.example.org,b.example.org"),
        ("MATRICULA_ALLOWED_ORIGINS", "https://a.example.org/path"),
        ("TRUSTED_PROXIES", "proxy.example.org"),
        ("TRUSTED_PROXIES", "10.0.0.1,10.0.0.300"),
        ("MATRICULA_LIMITS", "none"),
        ("MATRICULA_LIMITS", "off"),
        ("EMAIL_URL", "https://mail.example.org"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_and_says_how_to_mend_it(
    name: str, value: str
) -> None:
    text = complaint(**{name: value})
    problem, _, remedy = text.partition(": ")
    assert problem.startswith(f"{name} ")
    assert len(remedy) > 10
    assert "\n" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MATRICULA_BASE_URL", "https://[::1"),
        ("MATRICULA_ALLOWED_ORIGINS", "https://[::1"),
        ("DATABASE_URL", "postgresql://[::1/x"),
        ("EMAIL_URL", "smtp://[::1"),
    ],
)
def test_a_setting_that_cannot_even_be_parsed_is_one_line_too(name: str, value: str) -> None:
    assert complaint(**{name: value}).startswith(f"{name} ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MATRICULA_BASE_URL", "https://enroll.example.org:port"),
        ("MATRICULA_BASE_URL", "https://enroll.example.org:99999"),
        ("MATRICULA_BASE_URL", "https://user:pw@enroll.example.org"),
        ("MATRICULA_BASE_URL", "https://enroll.example.org#top"),
        ("EMAIL_URL", "smtp+tls://mail.example.org:port"),
        ("EMAIL_URL", "smtp+tls://"),
    ],
)
def test_a_setting_that_could_never_work_is_refused(name: str, value: str) -> None:
    assert complaint(**{name: value}).startswith(f"{name} ")


def test_a_complaint_never_repeats_a_secret() -> None:
    assert "hunter2" not in complaint(MATRICULA_SECRET_KEY="hunter2")
    assert "hunter2" not in complaint(MATRICULA_METRICS_TOKEN="hunter2")
    assert "hunter2" not in complaint(DATABASE_URL="mysql://me:hunter2@db/x")
    assert "hunter2" not in complaint(EMAIL_URL="imap://me:hunter2@mail/")


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.0.2.7", "example.org"])  # noqa: S104
def test_demo_mode_is_refused_beyond_loopback(tmp_path: Path, bind: str) -> None:
    with pytest.raises(SettingError, match=r"set BIND=127\.0\.0\.1, or MATRICULA_DEMO=0"):
        demo(tmp_path, BIND=bind)


@pytest.mark.parametrize("bind", ["", "127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_demo_mode_starts_on_any_loopback_address(tmp_path: Path, bind: str) -> None:
    assert demo(tmp_path, BIND=bind).bind == (bind or "127.0.0.1")


def test_a_real_installation_may_answer_everywhere() -> None:
    assert real(BIND="::").bind == "::"


def test_a_refused_demo_leaves_no_secret_behind(tmp_path: Path) -> None:
    with pytest.raises(SettingError):
        demo(tmp_path / "home", BIND="::")
    assert not (tmp_path / "home").exists()


def test_limits_can_be_switched_off_in_demo_mode_only(tmp_path: Path) -> None:
    assert not demo(tmp_path, MATRICULA_LIMITS="off").limits
    assert "outside demo mode" in complaint(MATRICULA_LIMITS="off")


@pytest.mark.parametrize(
    ("text", "meant"),
    [("1", True), ("yes", True), (" TRUE ", True), ("0", False), ("off", False), ("", False)],
)
def test_a_yes_or_no_may_be_written_in_several_ways(tmp_path: Path, text: str, meant: bool) -> None:
    environ = {**REAL, "MATRICULA_HOME": str(tmp_path), "MATRICULA_DEMO": text}
    assert load(environ).demo is meant


def test_secrets_are_made_once(tmp_path: Path) -> None:
    first, second = demo(tmp_path), demo(tmp_path)
    assert (first.secret_key, first.metrics_token) == (second.secret_key, second.metrics_token)
    assert first.secret_key != first.metrics_token
    assert len(first.secret_key) >= 32


def test_each_installation_makes_secrets_of_its_own(tmp_path: Path) -> None:
    assert demo(tmp_path / "a").secret_key != demo(tmp_path / "b").secret_key


def test_only_the_owner_may_read_a_kept_secret(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        demo(tmp_path)
    finally:
        os.umask(old)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {0o600}


def test_starters_at_the_same_time_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: demo(tmp_path).secret_key, range(8)))
    assert len(set(keys)) == 1


def test_a_secret_given_is_not_kept(tmp_path: Path) -> None:
    given = {
        "MATRICULA_SECRET_KEY": "s" * 40,
        "MATRICULA_METRICS_TOKEN": "m" * 20,
        "RAZORPAY_KEY_ID": "rzp_test_1",
        "RAZORPAY_KEY_SECRET": "k" * 20,
        "RAZORPAY_WEBHOOK_SECRET": "new,old",
    }
    assert demo(tmp_path, **given).secret_key == "s" * 40
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match=r"^MATRICULA_HOME .* cannot be written: .*: point it"):
        demo(tmp_path / "file" / "home")


def test_an_empty_secret_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "matricula_secret_key").write_text("")
    with pytest.raises(SettingError, match="delete that file"):
        demo(tmp_path)


def test_lists_may_have_spaces_and_a_comma_at_the_end() -> None:
    settings = real(
        MATRICULA_ALLOWED_ORIGINS="https://a.example.org/ , https://b.example.org,",
        ALLOWED_HOSTS=" www.example.org ,",
        TRUSTED_PROXIES="10.0.0.5, 10.1.0.0/16, ::1",
    )
    assert settings.allowed_origins[1:] == ("https://a.example.org", "https://b.example.org")
    assert settings.allowed_hosts == ("enroll.example.org", "www.example.org")
    assert settings.trusted_proxies == ("10.0.0.5", "10.1.0.0/16", "::1")


def test_a_slash_at_the_end_of_the_base_address_is_no_path() -> None:
    assert real(MATRICULA_BASE_URL="https://x.example.org/").base_url == "https://x.example.org"


RAZORPAY = {
    "RAZORPAY_KEY_ID": "rzp_test_1",
    "RAZORPAY_KEY_SECRET": "key-secret",
    "RAZORPAY_WEBHOOK_SECRET": "newest, older",
}


def test_webhook_secrets_may_be_several(tmp_path: Path) -> None:
    account = demo(tmp_path, **RAZORPAY).razorpay
    assert account is not None
    assert account.webhook_secrets == ("newest", "older")
    assert account.checkout_script == "https://checkout.razorpay.com/v1/checkout.js"
    assert not account.is_sandbox


def test_a_secret_that_holds_a_comma_stands_in_quotes(tmp_path: Path) -> None:
    given = 'newest,"with, a comma", "and ""quotes"""'
    found = listed({"RAZORPAY_WEBHOOK_SECRET": given}, "RAZORPAY_WEBHOOK_SECRET")
    assert found == ("newest", "with, a comma", 'and "quotes"')


@pytest.mark.parametrize("text", [" , ", ",", '""', '"open'])
@pytest.mark.parametrize("name", ["RAZORPAY_WEBHOOK_SECRET", "ALLOWED_HOSTS", "TRUSTED_PROXIES"])
def test_a_list_that_holds_nothing_is_refused(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=name):
        listed({name: text}, name)


def test_demo_mode_without_an_account_is_the_sandbox(tmp_path: Path) -> None:
    account = demo(tmp_path, PORT="8100").razorpay
    assert account is not None
    assert account.base_url == "http://127.0.0.1:8101"
    assert account.is_sandbox


@pytest.mark.parametrize("missing", RAZORPAY)
def test_half_an_account_is_refused(tmp_path: Path, missing: str) -> None:
    with pytest.raises(SettingError, match=f"^{missing} is not set"):
        demo(tmp_path, **{**RAZORPAY, missing: ""})


def test_a_gateway_over_plain_http_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="RAZORPAY_BASE_URL is not encrypted"):
        demo(tmp_path, **RAZORPAY, RAZORPAY_BASE_URL="http://pay.example.org")


def test_offers_last_a_day_and_no_hours_are_quiet_unless_set() -> None:
    settings = real()
    assert (settings.waitlist.offer_hours, settings.waitlist.quiet_hours) == (24, None)
    assert settings.time_zone.key == "UTC"


def test_quiet_hours_are_two_times_in_the_zone_of_the_site() -> None:
    settings = real(MATRICULA_QUIET_HOURS="22:00-07:30", MATRICULA_TIME_ZONE="Asia/Kolkata")
    quiet = settings.waitlist.quiet_hours
    assert quiet is not None
    assert [moment.isoformat("minutes") for moment in quiet] == ["22:00", "07:30"]
    assert settings.time_zone.key == "Asia/Kolkata"


@pytest.mark.parametrize("text", ["22:00", "22-7-9", "25:00-07:00", "07:00-07:00", "night"])
def test_quiet_hours_that_are_none_are_refused(text: str) -> None:
    assert complaint(MATRICULA_QUIET_HOURS=text).startswith("MATRICULA_QUIET_HOURS is")


@pytest.mark.parametrize("text", ["Nowhere/Town", "../etc", "IST5"])
def test_a_zone_nobody_knows_is_refused(text: str) -> None:
    assert complaint(MATRICULA_TIME_ZONE=text).startswith("MATRICULA_TIME_ZONE is")

"""Django's settings, made from `environment.load`. Nothing here reads os.environ by itself,
but for DATABASE_URL, which `matricula serve` fills in when the embedded database runs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ as django_environ
from psycopg.conninfo import conninfo_to_dict

from matricula.config import environment, logs, mail
from matricula.config.assets import build_of

ENVIRONMENT = environment.load(os.environ)
PACKAGE = Path(__file__).resolve().parent.parent

DEBUG = False
SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
ROOT_URLCONF = "matricula.config.urls"
ASGI_APPLICATION = "matricula.config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING_CONFIG = None
logs.configure()

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "procrastinate.contrib.django",
    "ninja",
    "matricula.kernel",
    "matricula.accounts",
    "matricula.catalog",
    "matricula.seats",
    "matricula.pricing",
    "matricula.taxids",
    "matricula.enrollments",
    "matricula.orders",
    "matricula.payments",
    "matricula.notifications",
    "matricula.support",
    "matricula.interest",
    "matricula.webhooks",
    "matricula.waitingroom",
    "matricula.waitlist",
    "matricula.flows",
    "matricula.edges",
]

MIDDLEWARE = [
    "matricula.edges.middleware.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "matricula.edges.middleware.Compressed",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "matricula.edges.languages.Languages",
    "matricula.edges.middleware.ErrorPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "matricula.edges.sessions.Authentication",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [
            PACKAGE / "edges" / "web" / "templates",
            PACKAGE / "edges" / "console" / "templates",
        ],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {
                "i18n": "matricula.edges.web.texts",
                "words": "matricula.edges.web.tags",
            },
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "matricula.edges.web.context.site",
                "matricula.edges.web.context.bell",
            ],
        },
    },
]

# --- database -------------------------------------------------------------------------------
# A small pool for each process: on a hot row two connections beat eight, and Django's
# persistent connections belong to threads that come and go here. One of them is the desk's, two
# more are for what it puts aside (`flows/desk.py`), four for checkouts (`edges/live/finishing.py`):
# pages find one also while these wait for a lock. The time limits turn a stuck lock into an answer.
# The address is read by libpq's own rules, so that sockets, certificates and the rest work.
DATABASE_ADDRESS = os.environ.get("DATABASE_URL") or "postgresql:///matricula"
# Past any pooler, for those who listen for notices.
DATABASE_DIRECT_ADDRESS = ENVIRONMENT.database_direct_url or DATABASE_ADDRESS
_LIBPQ: dict[str, Any] = conninfo_to_dict(DATABASE_ADDRESS)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _LIBPQ.pop("dbname", "matricula"),
        "USER": _LIBPQ.pop("user", ""),
        "PASSWORD": _LIBPQ.pop("password", ""),
        "HOST": _LIBPQ.pop("host", ""),
        "PORT": _LIBPQ.pop("port", ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": 8, "timeout": 5, "max_idle": 300},
            "options": "-c lock_timeout=4s -c statement_timeout=20s"
            " -c idle_in_transaction_session_timeout=30s",
            "application_name": "matricula",
            **_LIBPQ,
        },
    }
}
CACHES = {
    # In the database, so that rate limits hold across processes and machines.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "kernel_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- people and sign-in ---------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/me/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "matricula.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "matricula.accounts.forms.SignupForm",
    "reset_password": "matricula.accounts.forms.ResetPasswordForm",
}
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before addresses are added, removed or made primary
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "optional" if ENVIRONMENT.demo else "mandatory"
ACCOUNT_PREVENT_ENUMERATION = not ENVIRONMENT.demo
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(ENVIRONMENT.base_url).scheme
# Guests hold seats without an account, so how often one address may is bounded.
ACCOUNT_RATE_LIMITS: dict[str, str | None] | bool = {
    "guest_checkout": "10/10m/ip",
    "guest_question": "5/10m/ip",
}
if not ENVIRONMENT.limits:
    ACCOUNT_RATE_LIMITS = False
elif ENVIRONMENT.demo:
    # Demo mode answers on loopback alone, where everybody shares one address.
    ACCOUNT_RATE_LIMITS = {
        "signup": None,
        "guest_checkout": None,
        "guest_question": None,
        "login": None,
        "reset_password_from_key": None,
        "login_failed": "5/5m/key",
        "reset_password": "5/m/key",
    }

# --- security -------------------------------------------------------------------------------
_HTTPS = ENVIRONMENT.base_url.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_ENGINE = "matricula.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "matricula_session"
CSRF_COOKIE_NAME = "matricula_csrf"
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.base_url]
CSRF_FAILURE_VIEW = "matricula.edges.web.views.errors.csrf_failed"
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
CONTENT_SECURITY_POLICY = {
    # The console sets a policy of its own on its pages: its theme needs inline styles.
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", ENVIRONMENT.socket_origin],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}

# --- mail, files, language ------------------------------------------------------------------
SITE_NAME = "Matricula"
# Mail is queued; the worker sends it through the transport.
EMAIL_BACKEND = "matricula.notifications.mail.Backend"
EMAIL_TIMEOUT = mail.TIMEOUT_SECONDS
EMAIL_FILE_PATH = str(ENVIRONMENT.home / "mail")
MAIL_TRANSPORT = "django.core.mail.backends.filebased.EmailBackend"
ANYMAIL = mail.service_settings(ENVIRONMENT.mail)
if ENVIRONMENT.mail.service:
    MAIL_TRANSPORT = f"anymail.backends.{mail.SERVICES[ENVIRONMENT.mail.service]}.EmailBackend"
elif ENVIRONMENT.mail.url:
    _SMTP = django_environ.Env.email_url_config(ENVIRONMENT.mail.url)
    MAIL_TRANSPORT = _SMTP.pop("EMAIL_BACKEND")
    vars().update({name: value for name, value in _SMTP.items() if value})
DEFAULT_FROM_EMAIL = SERVER_EMAIL = (
    ENVIRONMENT.mail.sender
    or f"{SITE_NAME} <no-reply@{urlsplit(ENVIRONMENT.base_url).hostname or 'localhost'}>"
)
STATICFILES_DIRS = [PACKAGE / "edges" / "web" / "static"]
# The build is part of a file's address, so that a page of one version never meets scripts of
# another, in no cache; within a build a file never changes. See docs/adr/0021.
BUILD = build_of(*STATICFILES_DIRS, PACKAGE / "edges" / "web" / "templates")
STATIC_URL = f"/static/{BUILD}/"
WHITENOISE_IMMUTABLE_FILE_TEST = rf"^/static/{BUILD}/matricula/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STATIC_ROOT = None
# Seconds for which all get the same catalog and course pages (`edges/web/kept.py`); 0: never.
PAGES_KEPT_FOR = 1.0
# What amounts of nothing are given in; a course's own price has its own currency.
CURRENCY = "INR"
EVENTS_RETRY_MILLISECONDS = 3000
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("hi", "हिन्दी"),
    ("es", "Español"),
    ("fr", "Français"),
    ("ar", "العربية"),
]
if ENVIRONMENT.demo:
    # English with accents and a third longer: what is left in plain English was not translatable,
    # and what breaks is too narrow for other languages. See tests/web/test_languages.py.
    LANGUAGES.append(("en-xa", "[Þšéûðö]"))
LANGUAGE_COOKIE_NAME = "matricula_language"
LOCALE_PATHS = [PACKAGE / "locale"]

# --- jobs, console --------------------------------------------------------------------------
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
UNFOLD = {
    "SITE_TITLE": "Matricula console",
    "SITE_HEADER": "Matricula",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
}

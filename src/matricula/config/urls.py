"""Every address of the site."""

from __future__ import annotations

from django.urls import include, path

from matricula.edges import health
from matricula.edges.api.app import api
from matricula.edges.console.site import console
from matricula.edges.hooks import mail
from matricula.edges.hooks import views as hooks
from matricula.edges.web.views import confirming, errors

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", health.metrics),
    path("api/v1/", api.urls),
    path("console/", console.urls),
    path("webhooks/mail/<str:service>/tracking/", mail.track),
    path("webhooks/mail/<str:service>/inbound/", mail.take),
    path("webhooks/mail/<str:service>/inbound_mime/", mail.take),  # what Mailgun sends raw mail to
    path("webhooks/<str:provider>", hooks.receive),
    path("webhooks/<str:provider>/", hooks.receive),
    path(
        "accounts/confirm-email/<str:key>/",
        confirming.ConfirmEmailView.as_view(),
        name="account_confirm_email",
    ),
    path("accounts/", include("allauth.account.urls")),
    path("", include("matricula.edges.web.urls")),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error

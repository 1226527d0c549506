from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "matricula.webhooks"
    label = "webhooks"

from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "matricula.support"
    label = "support"

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "matricula.flows"
    label = "flows"

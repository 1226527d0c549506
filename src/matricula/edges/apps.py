from django.apps import AppConfig


class EdgesConfig(AppConfig):
    name = "matricula.edges"
    label = "edges"

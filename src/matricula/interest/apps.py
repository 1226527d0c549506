from django.apps import AppConfig


class InterestConfig(AppConfig):
    name = "matricula.interest"
    label = "interest"

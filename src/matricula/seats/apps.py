from django.apps import AppConfig


class SeatsConfig(AppConfig):
    name = "matricula.seats"
    label = "seats"
    verbose_name = "Seats"

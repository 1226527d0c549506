from django.apps import AppConfig


class WaitingRoomConfig(AppConfig):
    name = "matricula.waitingroom"
    label = "waitingroom"
    verbose_name = "Waiting rooms"

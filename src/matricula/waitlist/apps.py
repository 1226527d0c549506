from django.apps import AppConfig


class WaitlistConfig(AppConfig):
    name = "matricula.waitlist"
    label = "waitlist"
    verbose_name = "Waitlist"

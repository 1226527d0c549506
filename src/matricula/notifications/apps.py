from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "matricula.notifications"
    label = "notifications"
    verbose_name = "Notifications"

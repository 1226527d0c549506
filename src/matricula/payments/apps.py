from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "matricula.payments"
    label = "payments"
    verbose_name = "Payments"

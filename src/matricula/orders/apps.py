from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "matricula.orders"
    label = "orders"
    verbose_name = "Orders"

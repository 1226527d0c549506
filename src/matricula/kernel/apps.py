from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "matricula.kernel"
    label = "kernel"
    verbose_name = "Record"

from django.apps import AppConfig

from matricula.kernel import arrays


class KernelConfig(AppConfig):
    name = "matricula.kernel"
    label = "kernel"
    verbose_name = "Record"

    def ready(self) -> None:
        arrays.register()

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CatalogConfig(AppConfig):
    name = "matricula.catalog"
    label = "catalog"
    verbose_name = "Catalog"

    def ready(self) -> None:
        post_migrate.connect(_index_courses, sender=self)


def _index_courses(**_signal: object) -> None:
    """A site that was just upgraded finds its courses by the present folding from the start."""
    from matricula.catalog.models import Course  # models come after this file

    Course.objects.index_anew()

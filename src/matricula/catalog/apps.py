from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "matricula.catalog"
    label = "catalog"
    verbose_name = "Catalog"

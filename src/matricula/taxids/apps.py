from django.apps import AppConfig


class TaxIdsConfig(AppConfig):
    name = "matricula.taxids"
    label = "taxids"
    verbose_name = "VAT ids"

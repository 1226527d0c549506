from django.apps import AppConfig


class PricingConfig(AppConfig):
    name = "matricula.pricing"
    label = "pricing"
    verbose_name = "Pricing"

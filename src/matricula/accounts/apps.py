from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "matricula.accounts"
    label = "accounts"
    verbose_name = "People"

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "matricula.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from matricula.accounts import security  # noqa: F401 - connects the signals

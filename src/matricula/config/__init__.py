"""How an installation is put together: environment, Django settings, URLs, the ASGI entry."""

from django.apps import AppConfig


class EnrollmentsConfig(AppConfig):
    name = "matricula.enrollments"
    label = "enrollments"
    verbose_name = "Enrollments"

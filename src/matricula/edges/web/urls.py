"""The addresses of the learner's pages."""

from __future__ import annotations

from django.urls import path

from matricula.edges.web.views import catalog, demo_mail, enrolling, enrollments, learning

urlpatterns = [
    path("", catalog.browse, name="catalog"),
    path("courses/<slug:slug>/", catalog.course, name="course"),
    path("courses/<slug:slug>/art.svg", catalog.art, name="course_art"),
    path("courses/<slug:slug>/enroll/", enrolling.enroll, name="enroll"),
    path("enrollments/<str:reference>/", enrollments.status, name="enrollment"),
    path("enrollments/<str:reference>/cancel/", enrollments.cancel, name="cancel_enrollment"),
    path("me/", learning.my_courses, name="my_courses"),
    path("learn/<slug:slug>/", learning.course_home, name="learn"),
    path("demo/mail/", demo_mail.mailbox, name="demo_mail"),
    path("demo/mail/<str:name>", demo_mail.message, name="demo_message"),
]

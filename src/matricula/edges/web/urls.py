"""The addresses of the learner's pages."""

from __future__ import annotations

from django.urls import path

from matricula.edges.web.views import (
    carts,
    catalog,
    demo_mail,
    enrolling,
    enrollments,
    guests,
    learning,
    messages,
    orders,
    paying,
    profile,
    support,
    swapping,
    waitlists,
)

urlpatterns = [
    path("", catalog.browse, name="catalog"),
    path("courses/<slug:slug>/", catalog.course, name="course"),
    path("courses/<slug:slug>/art.svg", catalog.art, name="course_art"),
    path("courses/<slug:slug>/enroll/", enrolling.enroll, name="enroll"),
    path("courses/<slug:slug>/waitlist/", waitlists.waitlist, name="waitlist"),
    path("waitlist/offers/<str:reference>/", waitlists.offer, name="waitlist_offer"),
    path("waitlist/<str:reference>/leave/", waitlists.leave, name="waitlist_leave"),
    path("courses/<slug:slug>/guest/", guests.check_out, name="guest_checkout"),
    path("guests/<str:token>/", guests.claim, name="guest_claim"),
    path("cart/", carts.cart, name="cart"),
    path("cart/add/", carts.add, name="cart_add"),
    path("cart/remove/", carts.remove, name="cart_remove"),
    path("pay/<str:reference>/", paying.pay, name="pay"),
    path("pay/<str:reference>/return/", paying.hand_back, name="pay_return"),
    path("pay/<str:reference>/again/", paying.again, name="pay_again"),
    path("pay/<str:reference>/more-time/", paying.more_time, name="pay_more_time"),
    path("pay/<str:reference>/give-up/", paying.give_up, name="pay_give_up"),
    path("orders/", orders.orders, name="orders"),
    path("orders/<str:reference>/", orders.order, name="order"),
    path("orders/<str:reference>/receipt.pdf", orders.receipt, name="order_receipt"),
    path(
        "orders/<str:reference>/documents/<str:paper>.pdf", orders.document, name="order_document"
    ),
    path("enrollments/<str:reference>/", enrollments.status, name="enrollment"),
    path("enrollments/<str:reference>/cancel/", enrollments.cancel, name="cancel_enrollment"),
    path(
        "enrollments/<str:reference>/more-time/",
        enrollments.more_time,
        name="enrollment_more_time",
    ),
    path("me/messages/", messages.messages, name="messages"),
    path("me/messages/read/", messages.read_all, name="messages_read"),
    path("me/messages/settings/", messages.preferences, name="message_preferences"),
    path("me/messages/<uuid:reference>/", messages.follow, name="message"),
    path("unsubscribe/<str:token>/", messages.unsubscribe, name="unsubscribe"),
    path("enrollments/<str:reference>/swap/", swapping.swap, name="swap_enrollment"),
    path("me/", learning.my_courses, name="my_courses"),
    path("me/profile/", profile.profile, name="profile"),
    path("learn/<slug:slug>/", learning.course_home, name="learn"),
    path("support/", support.support, name="support"),
    path("support/sent/", support.sent, name="support_sent"),
    path("support/links/<str:token>/", support.follow_link, name="support_link"),
    path("support/<str:reference>/", support.conversation, name="conversation"),
    path("support/<str:reference>/close/", support.close, name="close_conversation"),
    path("demo/mail/", demo_mail.mailbox, name="demo_mail"),
    path("demo/mail/<str:name>", demo_mail.message, name="demo_message"),
]

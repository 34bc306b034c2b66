"""A site of Django REST framework with the tokens of django-rest-knox and one route, /whoami; its database is FOLDER/db.

Usage: knox_site.py   creates the database and a user, and prints a token; gunicorn serves knox_site:application.
"""
import os

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="of no worth: it lives as long as a measurement",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="knox_urls",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "knox"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["FOLDER"] + "/db", "CONN_MAX_AGE": None,
    }},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    USE_TZ=True,
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()

if __name__ == "__main__":
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from knox.models import get_token_model

    call_command("migrate", verbosity=0)
    connection.cursor().execute("PRAGMA journal_mode = WAL")
    user = User.objects.create_user("you", "you@example.com")
    print(get_token_model().objects.create(user)[1])

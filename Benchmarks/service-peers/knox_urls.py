from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.response import Response


@api_view(["GET"])
def whoami(request):
    token = request.auth
    return Response({
        "id": request.user.id, "email": request.user.email, "created_at": request.user.date_joined,
        "token": {"prefix": token.token_key, "created_at": token.created, "expires_at": token.expiry},
    })


urlpatterns = [path("whoami", whoami)]

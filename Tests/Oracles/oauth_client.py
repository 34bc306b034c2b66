"""Signs a program in with OAuth clients that know nothing of this service, and prints each step as a line of JSON.

Usage: oauth_client.py LIBRARY URL, where LIBRARY is authlib or oauthlib. It finds the endpoints with RFC 8414, starts the
device flow of RFC 8628, prints the codes, and polls until a user has decided. Then it uses the token.
"""
import json
import os
import sys
import time

import requests

# The service of the test has no TLS.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.common.urls import url_decode  # noqa: E402
from authlib.integrations.base_client import OAuthError  # noqa: E402
from authlib.integrations.requests_client import OAuth2Session  # noqa: E402
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata  # noqa: E402
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE  # noqa: E402
from oauthlib.oauth2 import DeviceClient, OAuth2Error  # noqa: E402

CLIENT = "Café build server"


def report(step, **values):
    print(json.dumps({"step": step, **values}), flush=True)


class Authlib:
    def __init__(self, metadata):
        self.metadata = metadata
        self.session = OAuth2Session(CLIENT, scope="tokens:read projects:read", token_endpoint_auth_method="none")

    def authorize(self):
        # Authlib's clients leave this request to the program: https://docs.authlib.org describes it.
        response = self.session.post(
            self.metadata["device_authorization_endpoint"], withhold_token=True,
            data={"client_id": CLIENT, "scope": self.session.scope})
        response.raise_for_status()
        return response.json()

    def poll(self, code):
        try:
            return self.session.fetch_token(
                self.metadata["token_endpoint"], grant_type=DEVICE_CODE_GRANT_TYPE, device_code=code), None
        except OAuthError as error:
            return None, error.error

    def get(self, url):
        return self.session.get(url).json()


class OAuthLib:
    def __init__(self, metadata):
        self.metadata = metadata
        self.client = DeviceClient(CLIENT, scope=["tokens:read", "projects:read"])

    def authorize(self):
        # The library puts the parameters into the URL: RFC 8628 wants them in the body.
        uri = self.client.prepare_request_uri(self.metadata["device_authorization_endpoint"])
        url, _, query = uri.partition("?")
        response = requests.post(url, data=dict(url_decode(query)), timeout=60)
        response.raise_for_status()
        return response.json()

    def poll(self, code):
        body = self.client.prepare_request_body(device_code=code, include_client_id=True)
        response = requests.post(
            self.metadata["token_endpoint"], data=body, timeout=60,
            headers={"Content-Type": "application/x-www-form-urlencoded"})
        try:
            return self.client.parse_request_body_response(response.text), None
        except OAuth2Error as error:
            return None, error.error

    def get(self, url):
        uri, headers, _ = self.client.add_token(url)
        return requests.get(uri, headers=headers, timeout=60).json()


def main(library, url):
    metadata = requests.get(url + "/.well-known/oauth-authorization-server", timeout=60).json()
    assert metadata["issuer"] == url, metadata
    # The service of the test has no TLS, which the specification demands.
    secure = json.loads(json.dumps(metadata).replace("http://", "https://"))
    AuthorizationServerMetadata(secure).validate()
    client = {"authlib": Authlib, "oauthlib": OAuthLib}[library](metadata)
    codes = client.authorize()
    report("authorized", **codes)
    # The second poll comes too early, as from a program that ignores the interval.
    for _ in range(2):
        report("polled", error=client.poll(codes["device_code"])[1])
    interval = codes["interval"] + 5
    end = time.monotonic() + codes["expires_in"]
    while time.monotonic() < end:
        time.sleep(interval)
        token, error = client.poll(codes["device_code"])
        report("polled", error=error)
        if error == "slow_down":
            interval += 5
        elif error != "authorization_pending":
            break
    if token is None:
        return
    scope = token["scope"] if isinstance(token["scope"], str) else " ".join(token["scope"])
    report("signed in", type=token["token_type"], expires=token["expires_in"], scope=scope,
           user=client.get(url + "/v1/auth/whoami"))


main(*sys.argv[1:])

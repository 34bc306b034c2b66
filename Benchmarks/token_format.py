"""Generates tokens as a client does: docs/api.md describes the format."""
import secrets
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id():
    return "".join(secrets.choice(ID_DIGITS) for _ in range(8))


def token(token_id):
    """Returns a token with this ID, a random secret and the right checksum."""
    body = f"podstack_{token_id}_" + "".join(secrets.choice(DIGITS) for _ in range(32))
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return body + text

"""Makes a container in an Azure Blob service, signed with the key of its account.

    python tests/azure_container.py ENDPOINT ACCOUNT KEY CONTAINER
"""

import base64
import datetime
import hashlib
import hmac
import sys
import urllib.request

VERSION = "2021-08-06"


def main(endpoint, account, key, container):
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    # The path of the emulator begins with the account, which the signed text repeats.
    signed = "\n".join(["PUT", *[""] * 11, f"x-ms-date:{date}", f"x-ms-version:{VERSION}",
                        f"/{account}/{account}/{container}", "restype:container"])
    digest = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
    request = urllib.request.Request(f"{endpoint}/{container}?restype=container", method="PUT", headers={
        "x-ms-date": date, "x-ms-version": VERSION, "Content-Length": "0",
        "Authorization": f"SharedKey {account}:{base64.b64encode(digest).decode()}"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201, answer.status


if __name__ == "__main__":
    main(*sys.argv[1:])

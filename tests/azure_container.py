"""Makes a container in an Azure Blob service, signed with the key of its account.

    python tests/azure_container.py ENDPOINT ACCOUNT KEY CONTAINER

Prints two shared access signatures that allow reading and listing it: one for an hour, and one that ended an hour ago.
"""

import base64
import datetime
import hashlib
import hmac
import sys
import urllib.parse
import urllib.request

VERSION = "2021-08-06"


def main(endpoint, account, key, container):
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    # The path of the emulator begins with the account, which the signed text repeats.
    signed = "\n".join(["PUT", *[""] * 11, f"x-ms-date:{date}", f"x-ms-version:{VERSION}",
                        f"/{account}/{account}/{container}", "restype:container"])
    request = urllib.request.Request(f"{endpoint}/{container}?restype=container", method="PUT", headers={
        "x-ms-date": date, "x-ms-version": VERSION, "Content-Length": "0",
        "Authorization": f"SharedKey {account}:{signature(key, signed)}"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201, answer.status
    for hours in (1, -1):
        print(shared_access(account, key, container, hours))


def signature(key, signed):
    return base64.b64encode(hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()).decode()


def shared_access(account, key, container, hours):
    """A service SAS of a container, as query text (Azure Storage REST, "Create a service SAS")."""
    end = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = "\n".join(["rl", "", end, f"/blob/{account}/{container}", "", "", "", VERSION, "c", *[""] * 7])
    return urllib.parse.urlencode({"sp": "rl", "se": end, "sv": VERSION, "sr": "c", "sig": signature(key, signed)})


if __name__ == "__main__":
    main(*sys.argv[1:])

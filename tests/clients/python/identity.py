"""What a test needs to log in: certificates, a file of users, and an identity provider on this machine."""

import datetime
import http.server
import ipaddress
import json
import os
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwk, jwt

NOW = datetime.datetime.now(datetime.timezone.utc)


class Authority:
    """An authority that signs certificates, in a folder."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name, self.key = folder, name, ec.generate_private_key(ec.SECP256R1())
        self.ca = folder / f"{name}.pem"
        own = self._sign(name, self.key, x509.BasicConstraints(ca=True, path_length=None))
        self.ca.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def _sign(self, name, key, extension):
        subject, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (name, self.name))
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(),
                                          NOW - datetime.timedelta(hours=1), NOW + datetime.timedelta(hours=1))
        return builder.add_extension(extension, critical=False).sign(self.key, hashes.SHA256())

    def issue(self, name, file=None):
        """A certificate for this name on 127.0.0.1: the paths of it and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
        certificate, private = self.folder / f"{file or name}.cert.pem", self.folder / f"{file or name}.key.pem"
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                              serialization.NoEncryption()))
        certificate.write_bytes(self._sign(name, key, names).public_bytes(serialization.Encoding.PEM))
        return certificate, private


class Provider:
    """An identity provider: a key, tokens signed with it, and the document with its public half, over HTTP."""

    issuer, audience = "https://idp.example", "samite"

    def __init__(self):
        self.requests, self.is_down = 0, False
        self.renew("k1")
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.requests += 1
                body = json.dumps({"keys": [{"kty": "strange"}, provider.key.as_dict(private=False)]}).encode()
                self.send_response(503 if provider.is_down else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"

    def renew(self, name):
        self.key = jwk.ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})

    def token(self, name, key=None, header=None, **claims):
        body = {"iss": self.issuer, "aud": self.audience, "sub": name, "exp": int(time.time()) + 300} | claims
        signer = key or self.key
        return jwt.encode({"alg": "ES256", "kid": signer.kid} | (header or {}), body, signer)

    def options(self):
        return f'jwks = "{self.url}"\njwt_issuers = ["{self.issuer}"]\njwt_audiences = ["{self.audience}"]\njwt_algorithms = ["ES256"]\n'

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def add_user(samite, file, name, password, *arguments):
    """Runs `samite user add`."""
    environment = os.environ | {"SAMITE_PASSWORD": password}
    return subprocess.run([samite, "user", "add", "--users-file", file, name, *arguments],
                          env=environment, capture_output=True, text=True)

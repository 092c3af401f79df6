"""Puts TLS before a service on this machine, until its input ends.

    python tests/tls_front.py FOLDER URL

Prints the URL of the front. FOLDER/ca.pem has the authority that signed its certificate, FOLDER/other.pem one that did not.
"""

import asyncio
import datetime
import ipaddress
import pathlib
import ssl
import sys
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.datetime.now(datetime.timezone.utc)


def certificate(name, key, signer_name, signer_key, extension):
    named = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (name, signer_name)]
    builder = x509.CertificateBuilder(named[1], named[0], key.public_key(), x509.random_serial_number(),
                                      NOW - datetime.timedelta(hours=1), NOW + datetime.timedelta(hours=1))
    return builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints)).sign(signer_key, hashes.SHA256())


def write_certificates(folder):
    pem = serialization.Encoding.PEM
    for name in ("other", "ca"):
        signer = ec.generate_private_key(ec.SECP256R1())
        authority = certificate(name, signer, name, signer, x509.BasicConstraints(ca=True, path_length=None))
        (folder / f"{name}.pem").write_bytes(authority.public_bytes(pem))
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    own = certificate("store", key, "ca", signer, names)
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(own.public_bytes(pem) + private)


async def copy(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def main(folder, url):
    folder, behind = pathlib.Path(folder), urllib.parse.urlsplit(url)
    write_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    async def connection(reader, writer):
        there = await asyncio.open_connection(behind.hostname, behind.port)
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context)
    print(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

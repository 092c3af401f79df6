"""Who gets in, over which connection, and what a token opens."""

import base64
import os
import socket
import ssl
import subprocess
import time

import adbc_driver_flightsql
import adbc_driver_manager
import pytest
from pyarrow import flight

from flight_sql import fetch, packed, query
from identity import Authority, Provider, add_user

CHANGE_SECONDS_MAX = 20
TLS = {"adbc.flight.sql.client_option.tls_skip_verify": "false"}


def configured(folder, auth="", server=""):
    file = folder / "samite.toml"
    file.write_text(f"[auth]\n{auth}\n[server]\n{server}\n")
    return ["--config", str(file)]


@pytest.fixture
def users(samite, tmp_path):
    file = tmp_path / "users.toml"
    assert add_user(samite, file, "anna", "secret", "--group", "analysts", "--attribute", "country=SE").returncode == 0
    assert add_user(samite, file, "bert", "hidden").returncode == 0
    return file


@pytest.fixture
def with_users(serve, mesh, tmp_path, users):
    return serve(mesh, *configured(tmp_path, 'users_file = "users.toml"'))


@pytest.fixture
def provider():
    running = Provider()
    yield running
    running.close()


def login(name, password):
    return {"username": name, "password": password}


def ask(server, sql="SELECT 1", **options):
    with server.connect(**options) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def bearer(token):
    return {"adbc.flight.sql.authorization_header": f"Bearer {token}"}


def call_options(value):
    return flight.FlightCallOptions(headers=[(b"authorization", value.encode())])


def refused(do, *arguments, **options):
    """The message of the refusal; anything but UNAUTHENTICATED is an error."""
    # pyarrow's GetSchema has errors of its own kind.
    with pytest.raises((adbc_driver_manager.Error, flight.FlightUnauthenticatedError, OSError)) as caught:
        do(*arguments, **options)
    text = str(caught.value)
    assert "unauthenticated" in text.lower(), text
    return text


# ---- passwords


def test_password_opens_and_nothing_else_does(with_users):
    assert ask(with_users, **login("anna", "secret")) == [(1,)]
    for options in [{}, login("anna", "wrong"), login("nobody", "secret"), login("Anna", "secret"), login("anna", "secre"),
                    bearer("x"), bearer("samite-session-x"), bearer("samite-login-AAAA")]:
        text = refused(ask, with_users, **options)
        assert "secret" not in text
    assert "secret" not in with_users.log()


def test_every_call_asks_who_is_there(with_users):
    client = flight.connect(with_users.uri)
    for call in [
        lambda: client.get_flight_info(query("SELECT 1")),
        lambda: client.get_schema(query("SELECT 1")),
        lambda: client.do_get(flight.Ticket(packed("CommandGetCatalogs"))).read_all(),
        lambda: list(client.do_action(flight.Action("CloseSession", b""))),
        lambda: list(client.do_action(flight.Action("CreatePreparedStatement", packed("ActionCreatePreparedStatementRequest")))),
        lambda: list(client.list_actions()),
    ]:
        refused(call)


def test_basic_is_read_on_any_call_with_padding_or_without(with_users):
    client = flight.connect(with_users.uri)
    shown = base64.b64encode(b"anna:secret").decode()
    for value in [f"Basic {shown}", f"basic {shown.rstrip('=')}"]:
        assert fetch(client, query("SELECT 1"), call_options(value)).num_rows == 1
    for value in ["Basic", "Basic !!", "Basic " + base64.b64encode(b"anna").decode(), "Basic " + base64.b64encode(b":").decode(),
                  "Basic " + base64.b64encode(b"anna\x00:secret").decode(), "Digest x", "Bearer"]:
        refused(client.get_flight_info, query("SELECT 1"), call_options(value))


def test_handshake_gives_a_token_that_cannot_be_changed(with_users):
    client = flight.connect(with_users.uri)
    _, value = client.authenticate_basic_token("anna", "secret")
    token = value.decode()
    assert token.startswith("Bearer samite-login-")
    options = flight.FlightCallOptions(headers=[(b"authorization", value)])
    assert fetch(client, query("SELECT 1"), options).num_rows == 1
    head, last = token[:-1], token[-1]
    for wrong in [head, head + ("A" if last != "A" else "B"), token + "A", token.swapcase()]:
        refused(client.get_flight_info, query("SELECT 1"), call_options(wrong))


def test_session_of_a_login_hangs_on_its_token(with_users):
    client = flight.connect(with_users.uri)
    (_, anna), (_, bert) = client.authenticate_basic_token("anna", "secret"), client.authenticate_basic_token("bert", "hidden")
    anna, bert = (flight.FlightCallOptions(headers=[(b"authorization", value)]) for value in (anna, bert))
    client.get_flight_info(query("SET timezone = 'Europe/Berlin'"), anna)
    shown = lambda options: fetch(client, query("SHOW timezone"), options).column("value").to_pylist()
    assert shown(anna) == ["Europe/Berlin"]
    assert shown(bert) == ["UTC"]


def test_ticket_and_handle_are_for_their_principal_alone(with_users):
    client = flight.connect(with_users.uri)
    (_, anna), (_, bert) = client.authenticate_basic_token("anna", "secret"), client.authenticate_basic_token("bert", "hidden")
    anna, bert = (flight.FlightCallOptions(headers=[(b"authorization", value)]) for value in (anna, bert))
    ticket = client.get_flight_info(query("SELECT 'annas'"), anna).endpoints[0].ticket
    with pytest.raises(Exception) as caught:
        client.do_get(ticket, bert).read_all()
    assert "the ticket is not one of this server" in str(caught.value)
    assert client.do_get(ticket, anna).read_all().num_rows == 1


def test_name_is_locked_after_failures_for_its_address(with_users):
    for _ in range(5):
        assert "the user or the password is wrong" in refused(ask, with_users, **login("anna", "wrong"))
    text = refused(ask, with_users, **login("anna", "secret"))
    assert "too many failed logins" in text and "try again in" in text
    assert ask(with_users, **login("bert", "hidden")) == [(1,)]


def test_changed_file_counts_without_a_restart(samite, with_users, users):
    client = flight.connect(with_users.uri)
    _, value = client.authenticate_basic_token("anna", "secret")
    options = flight.FlightCallOptions(headers=[(b"authorization", value)])
    client.get_flight_info(query("SELECT 1"), options)
    assert add_user(samite, users, "anna", "renewed", "--replace").returncode == 0
    assert add_user(samite, users, "carl", "fresh").returncode == 0
    end = time.monotonic() + CHANGE_SECONDS_MAX
    while True:
        try:
            assert ask(with_users, **login("carl", "fresh")) == [(1,)]
            break
        except adbc_driver_manager.Error:
            assert time.monotonic() < end, with_users.log()
            time.sleep(2)
    refused(client.get_flight_info, query("SELECT 1"), options)
    refused(ask, with_users, **login("anna", "secret"))
    assert ask(with_users, **login("anna", "renewed")) == [(1,)]
    users.write_text("broken [")
    deadline = time.monotonic() + CHANGE_SECONDS_MAX
    while "cannot be used" not in with_users.log():
        assert time.monotonic() < deadline, with_users.log()
        time.sleep(1)
    assert ask(with_users, **login("anna", "renewed")) == [(1,)]


def test_user_command_says_what_is_wrong(samite, tmp_path):
    file = tmp_path / "users.toml"
    assert add_user(samite, file, "anna", "secret").stdout == 'user "anna" may log in\n'
    assert file.stat().st_mode & 0o777 == 0o600 and "secret" not in file.read_text()
    again = add_user(samite, file, "anna", "secret")
    assert again.returncode == 1 and "is there already" in again.stderr
    for name, arguments in [("", []), ("a\nb", []), ("x", ["--attribute", "novalue"])]:
        assert add_user(samite, file, name, "secret", *arguments).returncode != 0, name
    gone = subprocess.run([samite, "user", "remove", "--users-file", file, "anna"], capture_output=True, text=True)
    assert gone.returncode == 0
    gone = subprocess.run([samite, "user", "remove", "--users-file", file, "anna"], capture_output=True, text=True)
    assert gone.returncode == 1 and "does not exist" in gone.stderr


# ---- tokens of an identity provider


@pytest.fixture
def with_tokens(serve, mesh, tmp_path, provider):
    return serve(mesh, *configured(tmp_path, provider.options()))


def test_token_of_the_provider_opens(with_tokens, provider):
    assert ask(with_tokens, **bearer(provider.token("anna", groups=["a"]))) == [(1,)]
    requests = provider.requests
    for name in ("anna", "bert"):
        assert ask(with_tokens, **bearer(provider.token(name))) == [(1,)]
    assert provider.requests == requests, "the keys are known"


def test_token_that_is_not_the_providers_is_refused(with_tokens, provider):
    other = Provider()
    good = provider.token("anna")
    header, body, signature = good.split(".")
    part = lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    unsigned = part('{"alg":"none","typ":"JWT"}')
    tokens = [
        provider.token("anna", exp=int(time.time()) - 3600), provider.token("anna", nbf=int(time.time()) + 3600),
        provider.token("anna", iss="https://evil"), provider.token("anna", aud="other"), provider.token(""), provider.token("a\x00b"),
        provider.token("anna", key=other.key), f"{unsigned}.{body}.", f"{unsigned}.{body}.{signature}", f"{header}.{body}.", "a.b.c", "x",
        f"{header}.{part(chr(123) + chr(125))}.{signature}",
    ]
    for token in tokens:
        refused(ask, with_tokens, **bearer(token))
        assert token not in with_tokens.log()
    refused(ask, with_tokens, **login("anna", "secret"))
    other.close()


def test_keys_change_and_a_provider_that_is_down_stops_nobody_who_is_known(with_tokens, provider):
    assert ask(with_tokens, **bearer(provider.token("anna"))) == [(1,)]
    provider.is_down = True
    assert ask(with_tokens, **bearer(provider.token("bert"))) == [(1,)]
    provider.is_down = False
    provider.renew("k2")
    end = time.monotonic() + CHANGE_SECONDS_MAX
    while True:
        try:
            assert ask(with_tokens, **bearer(provider.token("anna"))) == [(1,)]
            return
        except adbc_driver_manager.Error:
            assert time.monotonic() < end, with_tokens.log()
            time.sleep(2)


def test_server_starts_while_the_provider_is_down(serve, mesh, tmp_path, provider):
    provider.is_down = True
    server = serve(mesh, *configured(tmp_path, provider.options()))
    with pytest.raises(adbc_driver_manager.Error) as caught:
        ask(server, **bearer(provider.token("anna")))
    assert "keys of their issuer cannot be read" in str(caught.value)


# ---- TLS


def test_connection_is_encrypted_for_who_knows_the_authority(serve, samite, mesh, tmp_path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    authority.issue("server")
    server = serve(mesh, *configured(tmp_path, "", 'tls_certificate = "server.cert.pem"\ntls_key = "server.key.pem"'))
    assert server.uri.startswith("grpc+tls://")
    trusting = {"adbc.flight.sql.client_option.tls_root_certs": authority.ca.read_text()}
    assert ask(server, **trusting) == [(1,)]
    with pytest.raises(adbc_driver_manager.Error):
        ask(server, **{"adbc.flight.sql.client_option.tls_root_certs": other.ca.read_text()})
    client = flight.connect(server.uri, tls_root_certs=authority.ca.read_bytes())
    assert fetch(client, query("SELECT 1")).num_rows == 1
    with pytest.raises(flight.FlightError):
        flight.connect(server.uri.replace("+tls", "")).get_flight_info(query("SELECT 1"), flight.FlightCallOptions(timeout=5))
    own = subprocess.run([samite, "sql", "--connect", server.uri, "--tls-ca", authority.ca, "--format", "csv", "SELECT 7 AS n"],
                         capture_output=True, text=True)
    assert own.stdout == "n\n7\n", own.stderr
    own = subprocess.run([samite, "sql", "--connect", server.uri, "SELECT 7 AS n"], capture_output=True, text=True)
    assert own.returncode == 1


def shown_certificate(server, authority):
    host, port = server.uri.rsplit("/", 1)[1].split(":")
    context = ssl.create_default_context(cafile=authority.ca)
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname=host) as encrypted:
        assert encrypted.selected_alpn_protocol() == "h2"
        return encrypted.getpeercert()["serialNumber"]


def test_new_certificate_is_shown_without_a_restart(serve, mesh, tmp_path):
    authority = Authority(tmp_path)
    authority.issue("server")
    server = serve(mesh, *configured(tmp_path, "", 'tls_certificate = "server.cert.pem"\ntls_key = "server.key.pem"'))
    trusting = {"adbc.flight.sql.client_option.tls_root_certs": authority.ca.read_text()}
    before = shown_certificate(server, authority)
    with server.connect(**trusting) as connection, connection.cursor() as cursor:
        authority.issue("server")
        end = time.monotonic() + CHANGE_SECONDS_MAX
        while shown_certificate(server, authority) == before:
            assert time.monotonic() < end, server.log()
            time.sleep(1)
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)], "a connection that stands stays"
    (tmp_path / "server.cert.pem").write_text("nonsense")
    after = shown_certificate(server, authority)
    end = time.monotonic() + CHANGE_SECONDS_MAX
    while "the old one stays" not in server.log():
        assert time.monotonic() < end, server.log()
        time.sleep(1)
    assert shown_certificate(server, authority) == after


def test_clients_certificate_is_needed_and_says_who_calls(serve, samite, mesh, tmp_path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    authority.issue("server")
    add_user(samite, tmp_path / "users.toml", "loader", "secret")
    server = serve(mesh, *configured(
        tmp_path, 'users_file = "users.toml"\ncertificates = true',
        'tls_certificate = "server.cert.pem"\ntls_key = "server.key.pem"\ntls_client_ca = "authority.pem"'))

    def asked(issuer, name):
        certificate, key = issuer.issue(name, f"client-{issuer.name}-{name}")
        client = flight.connect(server.uri, tls_root_certs=authority.ca.read_bytes(),
                                cert_chain=certificate.read_bytes(), private_key=key.read_bytes())
        rows = fetch(client, query("SELECT principal FROM mesh.runtime.queries"), flight.FlightCallOptions(timeout=10))
        return set(rows.column("principal").to_pylist())

    assert asked(authority, "loader") <= {"loader"}
    with pytest.raises(flight.FlightUnauthenticatedError):
        asked(authority, "stranger")
    with pytest.raises(flight.FlightError):
        asked(other, "loader")
    with pytest.raises(flight.FlightError):
        client = flight.connect(server.uri, tls_root_certs=authority.ca.read_bytes())
        client.get_flight_info(query("SELECT 1"), flight.FlightCallOptions(timeout=5))


def test_who_connects_and_says_nothing_keeps_nobody_waiting(serve, mesh, tmp_path):
    authority = Authority(tmp_path)
    authority.issue("server")
    server = serve(mesh, *configured(tmp_path, "", 'tls_certificate = "server.cert.pem"\ntls_key = "server.key.pem"'))
    host, port = server.uri.rsplit("/", 1)[1].split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(200)]
    trusting = {"adbc.flight.sql.client_option.tls_root_certs": authority.ca.read_text()}
    assert ask(server, **trusting) == [(1,)]
    silent[0].settimeout(30)
    assert silent[0].recv(1) == b"", "it is closed after a while"
    for plain in silent:
        plain.close()


# ---- what is refused at the start


def test_start_is_refused_where_the_lock_would_not_hold(samite, mesh, tmp_path):
    authority = Authority(tmp_path)
    authority.issue("server")
    add_user(samite, tmp_path / "users.toml", "anna", "secret")
    tls = 'tls_certificate = "server.cert.pem"\ntls_key = "server.key.pem"'
    for auth, options, listen, message in [
        ("", "", "0.0.0.0:0", "TLS and logins are not both set up"),
        ('users_file = "users.toml"', "", "0.0.0.0:0", "TLS and logins are not both set up"),
        ("", tls, "0.0.0.0:0", "TLS and logins are not both set up"),
        ('users_file = "missing.toml"', "", "127.0.0.1:0", "missing.toml"),
        ('jwks = "http://idp.example/keys"\njwt_issuers = ["i"]\njwt_audiences = ["a"]', "", "127.0.0.1:0", "https"),
        ('jwks = "keys.json"', "", "127.0.0.1:0", "issuer"),
        ('jwks = "keys.json"\njwt_issuers = ["i"]', "", "127.0.0.1:0", "audience"),
        ('jwks = "keys.json"\njwt_issuers = ["i"]\njwt_audiences = ["a"]\njwt_algorithms = ["none"]', "", "127.0.0.1:0", "none"),
        ("", 'tls_certificate = "users.toml"\ntls_key = "server.key.pem"', "127.0.0.1:0", "users.toml"),
        ("", 'tls_certificate = "server.cert.pem"\ntls_key = "authority.pem"', "127.0.0.1:0", "authority.pem"),
        ("certificates = true", tls, "127.0.0.1:0", "tls_client_ca"),
    ]:
        arguments = [samite, "serve", "--mesh", mesh, "--listen", listen, *configured(tmp_path, auth, options)]
        ended = subprocess.run(arguments, capture_output=True, text=True, timeout=60, env=os.environ)
        assert ended.returncode == 2 and message in ended.stderr, (auth, options, ended)

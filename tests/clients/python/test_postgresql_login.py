"""Who gets in over the PostgreSQL protocol: the same users, tokens, certificates and lock-out as over Flight SQL."""

import contextlib

import psycopg
import pytest

from identity import Authority
from test_login import ask, configured, login, provider, refused, users  # noqa: F401  (fixtures)

PG = ("--pg-listen", "127.0.0.1:0")


@contextlib.contextmanager
def connected(server, user, password=None, **options):
    host, port = server.postgresql
    with psycopg.connect(host=host, port=port, user=user, password=password, dbname="mesh", connect_timeout=20,
                         autocommit=True, **options) as connection:
        yield connection


def who(server, user, password=None, **options):
    with connected(server, user, password, **options) as connection:
        return connection.execute("SELECT current_user").fetchone()[0]


def not_let_in(server, user, password=None, **options):
    with pytest.raises(psycopg.OperationalError) as caught:
        who(server, user, password, **options)
    return str(caught.value)


@pytest.fixture
def with_users(serve, mesh, tmp_path, users):  # noqa: F811
    return serve(mesh, *PG, *configured(tmp_path, 'users_file = "users.toml"\nlogin_failures = 3'))


def test_password_opens_and_nothing_else_does(with_users):
    assert who(with_users, "anna", "secret") == "anna"
    for user, password in [("anna", "wrong"), ("nobody", "secret"), ("Anna", "secret"), ("anna", "secre"), ("anna\n", "secret")]:
        text = not_let_in(with_users, user, password)
        assert "the user or the password is wrong" in text and "secret" not in text
    assert "fe_sendauth" in not_let_in(with_users, "anna")
    assert "secret" not in with_users.log()


def test_failures_over_both_protocols_lock_together(with_users):
    for _ in range(2):
        not_let_in(with_users, "bert", "wrong")
    refused(ask, with_users, **login("bert", "wrong"))
    assert "too many failed logins" in not_let_in(with_users, "bert", "hidden")
    assert "too many failed logins" in refused(ask, with_users, **login("bert", "hidden"))
    assert who(with_users, "anna", "secret") == "anna"


def test_user_sees_its_own_queries_only(with_users):
    with connected(with_users, "anna", "secret") as anna, connected(with_users, "bert", "hidden") as bert:
        anna.execute("SELECT 'of anna'")
        [[count]] = bert.execute("SELECT count(*) FROM mesh.runtime.queries WHERE sql LIKE '%of anna%' AND principal <> 'bert'").fetchall()
        assert count == 0


def test_token_is_a_password(serve, mesh, tmp_path, provider):  # noqa: F811
    server = serve(mesh, *PG, *configured(tmp_path, provider.options()))
    token = provider.token("anna")
    assert who(server, "anna", token) == "anna"
    assert who(server, "token", token) == "anna"
    assert "somebody else" in not_let_in(server, "bert", token)
    for wrong in [provider.token("anna", exp=1), token[:-4] + "AAAA", "eyJhbGciOiJub25lIn0.e30.", "password"]:
        not_let_in(server, "anna", wrong)


def test_connection_is_encrypted_where_tls_is_set_up(serve, mesh, tmp_path, users):  # noqa: F811
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    tls = f'tls_certificate = "{certificate}"\ntls_key = "{key}"'
    server = serve(mesh, *PG, *configured(tmp_path, 'users_file = "users.toml"', tls))
    trusting = {"sslrootcert": str(authority.ca)}
    assert who(server, "anna", "secret", sslmode="verify-full", **trusting) == "anna"
    assert "sslmode=require" in not_let_in(server, "anna", "secret", sslmode="disable")
    other = Authority(tmp_path, "other")
    assert "certificate" in not_let_in(server, "anna", "secret", sslmode="verify-full", sslrootcert=str(other.ca))
    with connected(server, "anna", "secret", sslmode="require") as connection:
        # A cancel request is encrypted too, or works beside.
        connection.cancel_safe()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_certificate_of_a_user_needs_no_password(serve, mesh, tmp_path, users):  # noqa: F811
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    tls = f'tls_certificate = "{certificate}"\ntls_key = "{key}"\ntls_client_ca = "{authority.ca}"'
    server = serve(mesh, *PG, *configured(tmp_path, 'users_file = "users.toml"\ncertificates = true', tls))

    def shown(name):
        own, private = authority.issue(name)
        private.chmod(0o600)
        return {"sslmode": "verify-full", "sslrootcert": str(authority.ca), "sslcert": str(own), "sslkey": str(private)}

    assert who(server, "anna", **shown("anna")) == "anna"
    assert "fe_sendauth" in not_let_in(server, "bert", **shown("anna"))
    assert who(server, "bert", "hidden", **shown("anna")) == "bert"
    assert "fe_sendauth" in not_let_in(server, "nobody", **shown("nobody"))

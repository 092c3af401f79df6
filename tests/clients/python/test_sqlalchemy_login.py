"""The dialect in python/ against a server with TLS and logins."""

import sys
import warnings

import conftest
import pytest
import sqlalchemy
from sqlalchemy import exc
from sqlalchemy.dialects import registry

from identity import Authority, Provider, add_user

sys.path.insert(0, str(conftest.ROOT / "python/src"))
registry.register("samite.tls", "samite_sqlalchemy.dialect", "SamiteTlsDialect")

PASSWORD = "it's; 1=1 & 100%"


@pytest.fixture
def ask(samite, serve, mesh, tmp_path):
    """Whom the server knows the caller as: ask(username=..., password=..., connect_args)."""
    authority, provider = Authority(tmp_path), Provider()
    authority.issue("server")
    assert add_user(samite, tmp_path / "users.toml", "anna", PASSWORD).returncode == 0
    (tmp_path / "samite.toml").write_text(f'[auth]\nusers_file = "users.toml"\n{provider.options()}jwt_name = "sub"\n'
                                          '[server]\ntls_certificate = "server.cert.pem"\ntls_key = "server.key.pem"\n')
    host, port = serve(mesh, "--config", str(tmp_path / "samite.toml")).uri.removeprefix("grpc+tls://").split(":")

    def caller(username=None, password=None, query=(("tls_root_certs", str(authority.ca)),), **connect_args):
        url = sqlalchemy.engine.URL.create("samite+tls", username, password, host, int(port), "shop", dict(query))
        engine = sqlalchemy.create_engine(url, connect_args=connect_args)
        try:
            with engine.connect() as connection:
                assert sqlalchemy.inspect(connection).get_table_names(schema="calendar") == ["days", "months"]
                return connection.execute(sqlalchemy.text("SELECT DISTINCT principal FROM mesh.runtime.queries")).scalar()
        finally:
            engine.dispose()

    caller.token = provider.token("bert")
    yield caller
    provider.close()


def test_password_and_token_open(ask):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ask("anna", PASSWORD) == "anna"
        assert ask(token=ask.token) == "bert"
        assert ask(token=ask.token, query=(("tls_skip_verify", "true"),)) == "bert"


def test_nothing_else_opens(ask):
    for options in ({"username": "anna", "password": "wrong"}, {"token": "abc"}, {}):
        with pytest.raises(exc.DBAPIError, match="UNAUTHENTICATED"):
            ask(**options)
    with pytest.raises(exc.DBAPIError, match="certificate"):
        ask("anna", PASSWORD, query=())

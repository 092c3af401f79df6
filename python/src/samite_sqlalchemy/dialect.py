"""The dialect: how to connect, what Samite is, and what there is in a mesh.

Samite only reads, so that there are no transactions, keys or indexes.
"""

import adbc_driver_flightsql.dbapi
import sqlalchemy
from adbc_driver_flightsql import ConnectionOptions, DatabaseOptions
from adbc_driver_manager import AdbcStatusCode
from sqlalchemy import exc, pool, types
from sqlalchemy.engine import default, reflection

from . import arrow_types
from .compiling import SamiteCompiler, SamiteIdentifierPreparer, SamiteTypeCompiler

PORT = 32010
# What may stand after the question mark of a URL, and in connect_args.
OPTIONS = frozenset({"token", "timezone", "purpose", "tls_root_certs", "tls_skip_verify", "message_mib"})
IS_2 = not sqlalchemy.__version__.startswith("1.")


class SamiteDialect(default.DefaultDialect):
    """Samite over ADBC: samite://host:port/domain."""

    name = "samite"
    driver = "adbc"
    scheme = "grpc"
    # One parameter that is used twice is one parameter, as GROUP BY needs it. SQLAlchemy 1.4 has no such style.
    default_paramstyle = "numeric_dollar" if IS_2 else "qmark"
    poolclass = pool.QueuePool
    statement_compiler = SamiteCompiler
    type_compiler = type_compiler_cls = SamiteTypeCompiler
    preparer = SamiteIdentifierPreparer

    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True
    supports_native_uuid = False
    supports_alter = False
    supports_comments = True
    supports_default_values = False
    supports_sequences = False
    supports_sane_rowcount = False
    supports_sane_multi_rowcount = False
    supports_simple_order_by_label = True
    postfetch_lastrowid = False
    implicit_returning = False
    max_identifier_length = 255
    colspecs = {types.LargeBinary: arrow_types.Binary}

    def __init__(self, **options):
        options.setdefault("paramstyle", self.default_paramstyle)
        super().__init__(**options)
        self.domain = None

    @classmethod
    def import_dbapi(cls):
        """The driver."""
        return adbc_driver_flightsql.dbapi

    if not IS_2:
        dbapi = import_dbapi

    # ---- connections

    def create_connect_args(self, url):
        unknown = set(url.query) - OPTIONS
        if unknown:
            raise exc.ArgumentError(f"unknown option {', '.join(sorted(unknown))} in the URL of samite; there are {', '.join(sorted(OPTIONS))}")
        domain, _, product = (url.database or "").strip("/").partition("/")
        self.domain = domain or None
        self.default_schema_name = product or None
        host = f"[{url.host}]" if ":" in (url.host or "") else url.host or "127.0.0.1"
        arguments = dict(url.query) | {"uri": f"{self.scheme}://{host}:{url.port or PORT}", "catalog": domain, "schema": product}
        if url.username is not None:
            arguments |= {"username": url.username, "password": str(url.password or "")}
        return [], arguments

    def connect(self, *_, uri, catalog="", schema="", timezone=None, **options):
        connection = adbc_driver_flightsql.dbapi.connect(uri, db_kwargs=database_options(**options), autocommit=True)
        try:
            session = {ConnectionOptions.OPTION_SESSION_OPTION_PREFIX.value + name: value
                       for name, value in (("catalog", catalog), ("schema", schema), ("timezone", timezone)) if value}
            if session:
                connection.adbc_connection.set_options(**session)
        except BaseException:
            connection.close()
            raise
        return connection

    def is_disconnect(self, error, connection, cursor):
        return isinstance(error, adbc_driver_flightsql.dbapi.Error) and error.status_code == AdbcStatusCode.IO and "Unavailable" in str(error)

    # ---- transactions, of which there are none

    def do_begin(self, dbapi_connection):
        pass

    def do_commit(self, dbapi_connection):
        pass

    def do_rollback(self, dbapi_connection):
        pass

    def get_isolation_level_values(self, dbapi_connection):
        return ["AUTOCOMMIT"]

    def get_isolation_level(self, dbapi_connection):
        return "AUTOCOMMIT"

    get_default_isolation_level = get_isolation_level

    def set_isolation_level(self, dbapi_connection, level):
        if level != "AUTOCOMMIT":
            raise exc.ArgumentError(f"isolation level {level} does not exist: samite has no transactions, only AUTOCOMMIT")

    # ---- what there is

    def _get_server_version_info(self, connection):
        version = driver_connection(connection).adbc_get_info().get("vendor_version") or ""
        return tuple(int(part) for part in version.split(".") if part.isdigit())

    def _get_default_schema_name(self, connection):
        return self.default_schema_name

    def _check_max_identifier_length(self, connection):
        return None

    @reflection.cache
    def get_schema_names(self, connection, **kw):
        rows = self._rows(connection, "SELECT catalog_name, schema_name FROM information_schema.schemata ORDER BY 1, 2")
        return [product if self.domain else f"{domain}.{product}" for domain, product in rows if self.domain in (None, domain)]

    @reflection.cache
    def get_table_names(self, connection, schema=None, **kw):
        return sorted(table for table, in self._about(connection, "table_name", "tables", schema))

    @reflection.cache
    def get_view_names(self, connection, schema=None, **kw):
        return []

    @reflection.cache
    def has_table(self, connection, table_name, schema=None, **kw):
        return table_name in self.get_table_names(connection, schema=schema)

    @reflection.cache
    def get_columns(self, connection, table_name, schema=None, **kw):
        self._expect(connection, table_name, schema)
        domain, product = self._place(schema)
        name = ".".join(self.identifier_preparer.quote_identifier(part) for part in (domain, product, table_name))
        with driver_connection(connection).cursor() as cursor:
            fields = cursor.adbc_execute_schema(f"SELECT * FROM {name}")
        about = {column: more for column, *more in self._about(connection, "column_name, is_nullable, column_comment", "columns", schema, table_name)}
        return [{
            "name": field.name, "type": arrow_types.of_arrow(field.type), "default": None, "autoincrement": False,
            "nullable": about.get(field.name, ("YES", None))[0] != "NO", "comment": about.get(field.name, (None, None))[1],
        } for field in fields]

    @reflection.cache
    def get_table_comment(self, connection, table_name, schema=None, **kw):
        self._expect(connection, table_name, schema)
        rows = self._about(connection, "table_comment", "tables", schema, table_name)
        return {"text": rows[0][0] if rows else None}

    @reflection.cache
    def get_pk_constraint(self, connection, table_name, schema=None, **kw):
        self._expect(connection, table_name, schema)
        return {"constrained_columns": [], "name": None}

    @reflection.cache
    def get_foreign_keys(self, connection, table_name, schema=None, **kw):
        self._expect(connection, table_name, schema)
        return []

    get_indexes = get_unique_constraints = get_check_constraints = get_foreign_keys

    def _expect(self, connection, table_name, schema):
        if not self.has_table(connection, table_name, schema=schema):
            raise exc.NoSuchTableError(f"{schema}.{table_name}" if schema else table_name)

    def _place(self, schema):
        """The domain and the product of a schema's name."""
        name = str(schema or self.default_schema_name or "")
        domain, dot, product = name.partition(".")
        if not dot or "@" in domain:
            domain, product = self.domain or "", name
        return domain, product

    def _about(self, connection, columns, listing, schema, table_name=None):
        """Rows of the domain's own information_schema, whatever the session's catalog is; none where there is no such domain."""
        domain, product = self._place(schema)
        sql = f"SELECT {columns} FROM {self.identifier_preparer.quote_identifier(domain)}.information_schema.{listing} WHERE table_schema = ?"
        if table_name is not None:
            sql += " AND table_name = ?"
        try:
            return self._rows(connection, sql, (product,) if table_name is None else (product, table_name))
        except adbc_driver_flightsql.dbapi.Error as error:
            if error.status_code == AdbcStatusCode.NOT_FOUND:
                return []
            raise

    @staticmethod
    def _rows(connection, sql, parameters=()):
        with driver_connection(connection).cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall()


class SamiteTlsDialect(SamiteDialect):
    """The same over TLS: samite+tls://host:port/domain."""

    scheme = "grpc+tls"
    supports_statement_cache = True


def database_options(username=None, password=None, token=None, purpose=None, tls_root_certs=None, tls_skip_verify=None, message_mib=None):
    """The options of a connection as the driver calls them."""
    options = {DatabaseOptions.WITH_COOKIE_MIDDLEWARE.value: "true"}
    if token is not None and username is not None:
        raise exc.ArgumentError("samite takes a token, or a user and a password, not both")
    if username is not None:
        options |= {"username": username, "password": password or ""}
    if token is not None:
        options[DatabaseOptions.AUTHORIZATION_HEADER.value] = f"Bearer {token}"
    if purpose is not None:
        options[DatabaseOptions.RPC_CALL_HEADER_PREFIX.value + "x-mesh-purpose"] = purpose
    if tls_root_certs is not None:
        with open(tls_root_certs, encoding="ascii") as file:
            options[DatabaseOptions.TLS_ROOT_CERTS.value] = file.read()
    if str(tls_skip_verify).lower() == "true":
        options[DatabaseOptions.TLS_SKIP_VERIFY.value] = "true"
    if message_mib is not None:
        options[DatabaseOptions.WITH_MAX_MSG_SIZE.value] = str(int(message_mib) << 20)
    return options


def driver_connection(connection):
    """The driver's connection in SQLAlchemy's."""
    pooled = connection.connection
    # While SQLAlchemy 1.4 makes its first connection there is no pool in between.
    return getattr(pooled, "driver_connection", None) or pooled

"""How SQLAlchemy's statements are written for Samite."""

import datetime

from sqlalchemy.sql import compiler


class SamiteCompiler(compiler.SQLCompiler):
    """Statements: what differs from standard SQL is paging."""

    def limit_clause(self, select, **kw):
        text = ""
        if select._limit_clause is not None:
            text += "\n LIMIT " + self.process(select._limit_clause, **kw)
        if select._offset_clause is not None:
            text += "\n OFFSET " + self.process(select._offset_clause, **kw)
        return text

    def render_literal_value(self, value, type_):
        """Dates and times as typed literals, which compare as what they are."""
        if isinstance(value, datetime.datetime):
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        if isinstance(value, datetime.date):
            return f"DATE '{value.isoformat()}'"
        if isinstance(value, datetime.time):
            return f"TIME '{value.isoformat()}'"
        return super().render_literal_value(value, type_)


class SamiteTypeCompiler(compiler.GenericTypeCompiler):
    """Types, as CAST takes them."""

    def visit_TIMESTAMP(self, type_, **kw):
        return "TIMESTAMP WITH TIME ZONE" if type_.timezone else "TIMESTAMP"

    def visit_DATETIME(self, type_, **kw):
        return self.visit_TIMESTAMP(type_, **kw)

    def visit_FLOAT(self, type_, **kw):
        return "DOUBLE"

    def visit_VARCHAR(self, type_, **kw):
        return "VARCHAR"

    visit_TEXT = visit_NVARCHAR = visit_CHAR = visit_NCHAR = visit_CLOB = visit_VARCHAR

    def visit_VARBINARY(self, type_, **kw):
        return "BYTEA"

    visit_BLOB = visit_BINARY = visit_VARBINARY


class SamiteIdentifierPreparer(compiler.IdentifierPreparer):
    """Names: a schema is `product`, or `domain.product`. A domain has no dot, a version in a product's name may have one."""

    def quote_schema(self, schema, force=None):
        domain, dot, product = str(schema).partition(".")
        # `play_events@2.1` is one name.
        if not dot or "@" in domain:
            return self.quote(schema)
        return f"{self.quote(domain)}.{self.quote(product)}"

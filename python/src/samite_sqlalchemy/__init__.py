"""SQLAlchemy dialect for Samite, over ADBC and Arrow Flight SQL."""

from .dialect import SamiteDialect, SamiteTlsDialect

__all__ = ["SamiteDialect", "SamiteTlsDialect"]

"""What Apache Superset wants to know of Samite: its name, the grains of time, how an instant is written."""

from datetime import datetime

from sqlalchemy import types
from superset.constants import TimeGrain
from superset.db_engine_specs.base import BaseEngineSpec


class SamiteEngineSpec(BaseEngineSpec):
    """Samite in Superset. It only reads: no uploads, no CREATE TABLE AS."""

    engine = "samite"
    engine_name = "Samite"
    default_driver = "adbc"
    sqlalchemy_uri_placeholder = "samite://host:port/domain"
    encryption_parameters: dict[str, str] = {}
    disable_ssh_tunneling = False
    allows_joins = True
    allows_subqueries = True
    allows_alias_in_select = True
    allows_sql_comments = True
    supports_file_upload = False
    supports_multivalues_insert = False

    _time_grain_expressions = {
        None: "{col}",
        TimeGrain.SECOND: "date_trunc('second', {col})",
        TimeGrain.FIVE_SECONDS: "date_bin(INTERVAL '5 seconds', {col})",
        TimeGrain.THIRTY_SECONDS: "date_bin(INTERVAL '30 seconds', {col})",
        TimeGrain.MINUTE: "date_trunc('minute', {col})",
        TimeGrain.FIVE_MINUTES: "date_bin(INTERVAL '5 minutes', {col})",
        TimeGrain.TEN_MINUTES: "date_bin(INTERVAL '10 minutes', {col})",
        TimeGrain.FIFTEEN_MINUTES: "date_bin(INTERVAL '15 minutes', {col})",
        TimeGrain.THIRTY_MINUTES: "date_bin(INTERVAL '30 minutes', {col})",
        TimeGrain.HOUR: "date_trunc('hour', {col})",
        TimeGrain.SIX_HOURS: "date_bin(INTERVAL '6 hours', {col})",
        TimeGrain.DAY: "date_trunc('day', {col})",
        TimeGrain.WEEK: "date_trunc('week', {col})",
        TimeGrain.MONTH: "date_trunc('month', {col})",
        TimeGrain.QUARTER: "date_trunc('quarter', {col})",
        TimeGrain.YEAR: "date_trunc('year', {col})",
    }

    @classmethod
    def convert_dttm(cls, target_type, dttm: datetime, db_extra=None):
        """A moment as SQL, as the type of the column that it is compared with."""
        target = cls.get_sqla_column_type(target_type)
        if isinstance(target, types.Date):
            return f"DATE '{dttm.date().isoformat()}'"
        if isinstance(target, types.DateTime):
            return f"TIMESTAMP '{dttm.isoformat(sep=' ', timespec='microseconds')}'"
        return None

    @classmethod
    def epoch_to_dttm(cls):
        """Seconds since 1970 as a moment."""
        return "to_timestamp_seconds({col})"

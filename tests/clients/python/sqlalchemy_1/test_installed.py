"""The package in python/ as pip installs it: SQLAlchemy and Superset find it by its entry points."""

from importlib.metadata import entry_points

import sqlalchemy


def test_dialects_are_found():
    assert {"samite", "samite.tls"} <= {point.name for point in entry_points(group="sqlalchemy.dialects")}
    for scheme, channel in (("samite", "grpc"), ("samite+tls", "grpc+tls")):
        assert sqlalchemy.engine.make_url(f"{scheme}://host").get_dialect().scheme == channel


def test_engine_spec_of_superset_is_named():
    [spec] = [point for point in entry_points(group="superset.db_engine_specs") if point.name == "samite"]
    assert spec.value == "samite_sqlalchemy.superset:SamiteEngineSpec"

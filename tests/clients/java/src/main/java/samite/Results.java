package samite;

import static samite.Checks.equal;
import static samite.Checks.that;

import java.sql.Connection;
import java.sql.JDBCType;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.TimeZone;

/** Every type in results: its type in JDBC, the value and its class. */
final class Results {
  private record Kind(String sql, JDBCType type, String value) {}

  private static final List<Kind> KINDS = List.of(
      new Kind("true", JDBCType.BOOLEAN, "Boolean true"),
      new Kind("arrow_cast(-7, 'Int8')", JDBCType.TINYINT, "Byte -7"),
      new Kind("arrow_cast(-7, 'Int16')", JDBCType.SMALLINT, "Short -7"),
      new Kind("arrow_cast(-7, 'Int32')", JDBCType.INTEGER, "Integer -7"),
      new Kind("-9223372036854775808", JDBCType.BIGINT, "Long -9223372036854775808"),
      new Kind("arrow_cast(1.5, 'Float16')", JDBCType.FLOAT, "Double 1.5"),
      new Kind("arrow_cast(1.5, 'Float32')", JDBCType.FLOAT, "Double 1.5"),
      new Kind("1.5e0", JDBCType.DOUBLE, "Double 1.5"),
      new Kind("CAST('7.10' AS DECIMAL(10,2))", JDBCType.DECIMAL, "BigDecimal 7.10"),
      new Kind("CAST('-99999999999999999999999999999999999999' AS DECIMAL(38,0))", JDBCType.DECIMAL, "BigDecimal -99999999999999999999999999999999999999"),
      new Kind("arrow_cast('99999999999999999999999999999999999999999.10', 'Decimal256(60,2)')", JDBCType.VARCHAR, "String 99999999999999999999999999999999999999999.10"),
      new Kind("DATE '2026-11-21'", JDBCType.DATE, "Date 2026-11-21"),
      new Kind("DATE '0001-01-01'", JDBCType.DATE, "Date 0001-01-01"),
      new Kind("arrow_cast(DATE '2026-11-21', 'Date64')", JDBCType.DATE, "Date 2026-11-21"),
      new Kind("TIMESTAMP '2026-11-21 13:14:15.678901'", JDBCType.TIMESTAMP, "Timestamp 2026-11-21 13:14:15.678901"),
      new Kind("arrow_cast(TIMESTAMP '2026-11-21 13:14:15', 'Timestamp(Second, None)')", JDBCType.TIMESTAMP, "Timestamp 2026-11-21 13:14:15.0"),
      new Kind("'Zürich 🎵'", JDBCType.VARCHAR, "String Zürich 🎵"),
      new Kind("''", JDBCType.VARCHAR, "String "),
      new Kind("arrow_cast('x', 'LargeUtf8')", JDBCType.VARCHAR, "String x"),
      new Kind("arrow_cast('x', 'Utf8View')", JDBCType.VARCHAR, "String x"),
      new Kind("arrow_cast('x', 'Dictionary(Int32, Utf8)')", JDBCType.VARCHAR, "String x"),
      new Kind("X'00FF'", JDBCType.VARBINARY, "byte[] [0, -1]"),
      new Kind("arrow_cast(X'00FF', 'FixedSizeBinary(2)')", JDBCType.BINARY, "byte[] [0, -1]"),
      new Kind("[1, NULL, 3]", JDBCType.ARRAY, "ArrowFlightJdbcArray [1, null, 3]"),
      new Kind("arrow_cast([1, 2], 'LargeList(Int64)')", JDBCType.ARRAY, "ArrowFlightJdbcArray [1, 2]"),
      new Kind("arrow_cast([1, 2], 'FixedSizeList(2, Int64)')", JDBCType.ARRAY, "ArrowFlightJdbcArray [1, 2]"),
      new Kind("['a', 'b']", JDBCType.ARRAY, "ArrowFlightJdbcArray [a, b]"),
      new Kind("{'a': 1, 'b': 'x'}", JDBCType.JAVA_OBJECT, "JsonStringHashMap {\"a\":1,\"b\":\"x\"}"),
      new Kind("MAP {'k': 1}", JDBCType.JAVA_OBJECT, "JsonStringHashMap {\"k\":1}"),
      new Kind("CAST(NULL AS INTEGER)", JDBCType.INTEGER, "null"),
      new Kind("CAST(NULL AS VARCHAR)", JDBCType.VARCHAR, "null"),
      new Kind("count(*)", JDBCType.BIGINT, "Long 1"));

  /** Types that the driver has no right class for: the server sends others in their place. */
  private static final List<Kind> REPLACED = List.of(
      new Kind("arrow_cast(255, 'UInt8')", JDBCType.SMALLINT, "Short 255"),
      new Kind("arrow_cast(65535, 'UInt16')", JDBCType.INTEGER, "Integer 65535"),
      new Kind("arrow_cast(4294967295, 'UInt32')", JDBCType.BIGINT, "Long 4294967295"),
      new Kind("arrow_cast(18446744073709551615, 'UInt64')", JDBCType.DECIMAL, "BigDecimal 18446744073709551615"),
      new Kind("INTERVAL '1 month 2 days 3 seconds'", JDBCType.VARCHAR, "String 1 mons 2 days 3.000000000 secs"),
      new Kind("arrow_cast(90, 'Duration(Second)')", JDBCType.VARCHAR, "String PT90S"));

  private final Connection connection;
  private final Main main;
  private final Checks checks;
  private final int driver;

  Results(Connection connection, Main main, Checks checks, int driver) {
    this.connection = connection;
    this.main = main;
    this.checks = checks;
    this.driver = driver;
  }

  void run() {
    for (Kind kind : KINDS) {
      checks.check("type: " + kind.sql, () -> compare(connection, kind));
    }
    for (Kind kind : REPLACED) {
      checks.check("type: " + kind.sql, () -> compare(connection, kind));
      checks.check("type: " + kind.sql + " with x-wire-profile=jdbc", () -> {
        try (Connection asked = main.connect("&x-wire-profile=jdbc")) {
          compare(asked, kind);
        }
      });
    }
    moments();
    nulls();
    aboutColumns();
    checks.check("type: every column of a file", () -> {
      List<List<String>> rows = Rows.of(connection, "SELECT id, flag, tiny, small, whole, large, single, double, exact, wide, day, local_time, "
          + "CAST(instant AS VARCHAR), text, bytes, list, \"struct\" FROM shop.kinds.kinds ORDER BY id");
      equal("[1, false, -128, -32768, -2147483648, -9223372036854775808, -0.5, -0.5, -99999999.99, -99999999999999999999999999999999999999, 0001-01-01, "
          + "1970-01-01 00:00:00.0, 1970-01-01T00:00:00Z, , [], [], {\"a\":1,\"b\":\"x\"}]", rows.get(0).toString());
      equal("[2, true, 7, 7, 7, 7, 7.25, 7.125, 7.10, 7, 2026-11-21, 2026-11-21 13:14:15.678901, 2026-11-21T13:14:15.678901Z, Zürich 🎵, [0, -1], "
          + "[1, null, 3], {\"b\":\"y\"}]", rows.get(1).toString());
      equal(16, (int) rows.get(2).stream().filter("null"::equals).count());
    });
  }

  private static void compare(Connection connection, Kind kind) throws Exception {
    try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("SELECT " + kind.sql + " AS v")) {
      equal(kind.type, JDBCType.valueOf(result.getMetaData().getColumnType(1)));
      equal("v", result.getMetaData().getColumnLabel(1));
      that(result.next(), "no row");
      Object value = result.getObject(1);
      equal(kind.value, value == null ? "null" : value.getClass().getSimpleName() + " " + Rows.text(value));
      equal(value == null, result.wasNull());
      that(!result.next(), "more than one row");
    }
  }

  private void moments() {
    String instant = "SELECT TIMESTAMP '2026-11-21 13:14:15.678901' AT TIME ZONE 'UTC' AS v, TIME '13:14:15.678901' AS t";
    checks.check("type: an instant by getTimestamp and as text", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(instant)) {
        that(result.next(), "no row");
        equal(Instant.parse("2026-11-21T13:14:15.678901Z"), result.getTimestamp(1).toInstant());
        equal("2026-11-21 13:14:15.678901", result.getString(1));
        equal("2026-11-21", result.getDate(1).toString());
      }
    });
    Checks.Body getObject = () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(instant)) {
        that(result.next(), "no row");
        equal(Timestamp.valueOf("2026-11-21 13:14:15.678901"), result.getObject(1));
      }
    };
    if (driver >= 18) {
      checks.driverLimit("type: an instant by getObject", "18.3.0 has TIMESTAMP_WITH_TIMEZONE and no getObject for it: \"not implemented\"", getObject);
    } else {
      checks.check("type: an instant by getObject", getObject);
    }
    checks.check("type: an instant by getObject with a class", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(instant)) {
        that(result.next(), "no row");
        equal(Timestamp.valueOf("2026-11-21 13:14:15.678901"), result.getObject(1, Timestamp.class));
        if (driver >= 18) {
          equal(Instant.parse("2026-11-21T13:14:15.678901Z"), result.getObject(1, OffsetDateTime.class).toInstant());
        }
      }
    });
    checks.check("type: a time of day", () -> equal("13:14:15.678", at(instant)));
    checks.driverLimit("type: a time of day where the JVM is not in UTC", "the driver shifts it by the zone of the JVM", () -> {
      TimeZone before = TimeZone.getDefault();
      TimeZone.setDefault(TimeZone.getTimeZone("America/New_York"));
      try {
        equal("13:14:15.678", at(instant));
      } finally {
        TimeZone.setDefault(before);
      }
    });
  }

  private String at(String sql) throws Exception {
    try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
      that(result.next(), "no row");
      return result.getString("t");
    }
  }

  private void nulls() {
    checks.check("type: NULL without a type", () -> compare(connection, new Kind("NULL", JDBCType.NULL, "null")));
    checks.check("type: getters of primitives give 0 for NULL", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("SELECT * FROM shop.kinds.kinds WHERE id = 3")) {
        that(result.next(), "no row");
        equal(false, result.getBoolean("flag"));
        equal(0L, result.getLong("large"));
        that(result.wasNull(), "wasNull");
        equal(0.0, result.getDouble("double"));
        equal(null, result.getString("text"));
        equal(null, result.getTimestamp("instant"));
        equal(null, result.getArray("list"));
      }
    });
  }

  private void aboutColumns() {
    checks.check("columns: names, precision and scale", () -> {
      try (Statement statement = connection.createStatement();
          ResultSet result = statement.executeQuery("SELECT amount, count(*) AS \"How many\", 1 FROM shop.orders.orders GROUP BY amount LIMIT 1")) {
        ResultSetMetaData about = result.getMetaData();
        equal(List.of("amount", "How many"), Rows.labels(result).subList(0, 2));
        equal(12, about.getPrecision(1));
        equal(2, about.getScale(1));
        equal(false, about.isAutoIncrement(1));
        equal(true, about.isReadOnly(1));
        equal(true, about.isSearchable(1));
      }
    });
    checks.driverLimit("columns: isNullable", "up to 18.3.0 the driver leaves it at columnNoNulls", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("SELECT note FROM shop.orders.orders LIMIT 1")) {
        equal(ResultSetMetaData.columnNullable, result.getMetaData().isNullable(1));
      }
    });
  }
}

package samite;

import static samite.Checks.equal;
import static samite.Checks.refused;
import static samite.Checks.that;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.JDBCType;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.UUID;

/** Every type, read and bound, in one of the driver's ways to ask. */
final class PostgresqlTypes {
  private record Kind(String sql, JDBCType type, String name, String value) {}

  private static final List<Kind> KINDS = List.of(
      new Kind("true", JDBCType.BIT, "bool", "Boolean true"),
      new Kind("arrow_cast(-7, 'Int8')", JDBCType.SMALLINT, "int2", "Integer -7"),
      new Kind("arrow_cast(-7, 'Int16')", JDBCType.SMALLINT, "int2", "Integer -7"),
      new Kind("arrow_cast(-7, 'Int32')", JDBCType.INTEGER, "int4", "Integer -7"),
      new Kind("-9223372036854775808", JDBCType.BIGINT, "int8", "Long -9223372036854775808"),
      new Kind("arrow_cast(255, 'UInt8')", JDBCType.SMALLINT, "int2", "Integer 255"),
      new Kind("arrow_cast(65535, 'UInt16')", JDBCType.INTEGER, "int4", "Integer 65535"),
      new Kind("arrow_cast(4294967295, 'UInt32')", JDBCType.BIGINT, "int8", "Long 4294967295"),
      new Kind("arrow_cast(18446744073709551615, 'UInt64')", JDBCType.NUMERIC, "numeric", "BigDecimal 18446744073709551615"),
      new Kind("arrow_cast(1.5, 'Float16')", JDBCType.REAL, "float4", "Float 1.5"),
      new Kind("arrow_cast(1.5, 'Float32')", JDBCType.REAL, "float4", "Float 1.5"),
      new Kind("1.5e0", JDBCType.DOUBLE, "float8", "Double 1.5"),
      new Kind("CAST('NaN' AS DOUBLE)", JDBCType.DOUBLE, "float8", "Double NaN"),
      new Kind("CAST('7.10' AS DECIMAL(10,2))", JDBCType.NUMERIC, "numeric", "BigDecimal 7.10"),
      new Kind("CAST('0.00' AS DECIMAL(10,2))", JDBCType.NUMERIC, "numeric", "BigDecimal 0.00"),
      new Kind("CAST('-99999999999999999999999999999999999999' AS DECIMAL(38,0))", JDBCType.NUMERIC, "numeric", "BigDecimal -99999999999999999999999999999999999999"),
      new Kind("arrow_cast('99999999999999999999999999999999999999999.10', 'Decimal256(60,2)')", JDBCType.NUMERIC, "numeric",
          "BigDecimal 99999999999999999999999999999999999999999.10"),
      new Kind("DATE '2026-11-21'", JDBCType.DATE, "date", "Date 2026-11-21"),
      new Kind("DATE '0001-01-01'", JDBCType.DATE, "date", "Date 0001-01-01"),
      new Kind("TIME '13:14:15'", JDBCType.TIME, "time", "Time 13:14:15"),
      new Kind("TIMESTAMP '2026-11-21 13:14:15.678901'", JDBCType.TIMESTAMP, "timestamp", "Timestamp 2026-11-21 13:14:15.678901"),
      new Kind("TIMESTAMP '2026-11-21 13:14:15.678901' AT TIME ZONE 'UTC'", JDBCType.TIMESTAMP, "timestamptz", "Timestamp 2026-11-21 13:14:15.678901"),
      new Kind("INTERVAL '1 month 2 days 3 seconds'", JDBCType.OTHER, "interval", "PGInterval 1 mons 2 days 3 secs"),
      new Kind("arrow_cast(90, 'Duration(Second)')", JDBCType.OTHER, "interval", "PGInterval 1 mins 30 secs"),
      new Kind("'Zürich 🎵'", JDBCType.VARCHAR, "text", "String Zürich 🎵"),
      new Kind("''", JDBCType.VARCHAR, "text", "String "),
      new Kind("arrow_cast('x', 'Dictionary(Int32, Utf8)')", JDBCType.VARCHAR, "text", "String x"),
      new Kind("X'00FF'", JDBCType.BINARY, "bytea", "byte[] [0, -1]"),
      new Kind("[1, NULL, 3]", JDBCType.ARRAY, "_int8", "PgArray [1, null, 3]"),
      new Kind("arrow_cast([1, 2], 'List(Int32)')", JDBCType.ARRAY, "_int4", "PgArray [1, 2]"),
      new Kind("['a', NULL, '', 'x \"y\"']", JDBCType.ARRAY, "_text", "PgArray [a, null, , x \"y\"]"),
      new Kind("[1.5e0]", JDBCType.ARRAY, "_float8", "PgArray [1.5]"),
      new Kind("[true]", JDBCType.ARRAY, "_bool", "PgArray [true]"),
      new Kind("[DATE '2026-11-21']", JDBCType.ARRAY, "_date", "PgArray [2026-11-21]"),
      new Kind("[CAST('7.10' AS DECIMAL(10,2))]", JDBCType.ARRAY, "_numeric", "PgArray [7.10]"),
      new Kind("{'a': 1, 'b': 'x'}", JDBCType.OTHER, "json", "PGobject {\"a\":1,\"b\":\"x\"}"),
      new Kind("[[1], [2, 3]]", JDBCType.OTHER, "json", "PGobject [[1],[2,3]]"),
      new Kind("CAST(NULL AS INTEGER)", JDBCType.INTEGER, "int4", "null"),
      new Kind("NULL", JDBCType.VARCHAR, "text", "null"),
      new Kind("count(*)", JDBCType.BIGINT, "int8", "Long 1"));

  private final Connection connection;
  private final Checks checks;
  private final String mode;

  PostgresqlTypes(Connection connection, Checks checks, String mode) {
    this.connection = connection;
    this.checks = checks;
    this.mode = mode;
  }

  void run() {
    for (Kind kind : KINDS) {
      check("read " + kind.sql, () -> compare(kind));
    }
    check("read times by the classes of java.time", () -> {
      String sql = "SELECT DATE '2026-11-21' AS d, TIME '13:14:15.678901' AS t, TIMESTAMP '2026-11-21 13:14:15.678901' AS l, "
          + "TIMESTAMP '2026-11-21 13:14:15.678901' AT TIME ZONE 'UTC' AS i";
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        for (int n = 0; n < 3; n++) {
          try (ResultSet result = statement.executeQuery()) {
            that(result.next(), "no row");
            equal(LocalDate.of(2026, 11, 21), result.getObject("d", LocalDate.class));
            equal(LocalTime.of(13, 14, 15, 678_901_000), result.getObject("t", LocalTime.class));
            equal(LocalDateTime.of(2026, 11, 21, 13, 14, 15, 678_901_000), result.getObject("l", LocalDateTime.class));
            equal(OffsetDateTime.of(2026, 11, 21, 13, 14, 15, 678_901_000, ZoneOffset.UTC), result.getObject("i", OffsetDateTime.class));
            equal("2026-11-21 13:14:15.678901+00", result.getString("i"));
          }
        }
      }
    });
    check("read every column of a file", () -> {
      String sql = "SELECT id, flag, tiny, small, whole, large, single, double, exact, wide, day, local_time, text, bytes, list, \"struct\" FROM kinds.kinds ORDER BY id";
      List<List<String>> rows = Rows.of(connection, sql);
      equal("[2, true, 7, 7, 7, 7, 7.25, 7.125, 7.10, 7, 2026-11-21, 2026-11-21 13:14:15.678901, Zürich 🎵, [0, -1], [1, null, 3], {\"a\":null,\"b\":\"y\"}]",
          rows.get(1).toString());
      equal(15, (int) rows.get(2).stream().filter("null"::equals).count());
    });
    bound();
    named();
  }

  private void check(String name, Checks.Body body) {
    checks.check("type" + mode + ": " + name, body);
  }

  /** Without prepared statements the driver writes dates with a zone, and UUIDs, into the text. */
  private void checkBound(String name, boolean isWritten, Checks.Body body) {
    if (isWritten && mode.contains("simple")) {
      checks.serverFault("type" + mode + ": " + name, "a date with a zone, a time with one, and a UUID are no literals", body);
    } else {
      check(name, body);
    }
  }

  private void compare(Kind kind) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT " + kind.sql + " AS v")) {
      // With prepareThreshold=1 and -1 the second answer comes in binary.
      for (int n = 0; n < 2; n++) {
        try (ResultSet result = statement.executeQuery()) {
          ResultSetMetaData about = result.getMetaData();
          equal(kind.type, JDBCType.valueOf(about.getColumnType(1)));
          equal(kind.name, about.getColumnTypeName(1));
          equal("v", about.getColumnLabel(1));
          that(result.next(), "no row");
          Object value = result.getObject(1);
          equal(kind.value, value == null ? "null" : value.getClass().getSimpleName() + " " + Rows.text(value));
          equal(value == null, result.wasNull());
          that(!result.next(), "more than one row");
        }
      }
    }
  }

  private void bound() {
    record Bound(Object value, String type) {}
    List<Bound> values = List.of(new Bound(7, "INT"), new Bound(1L << 40, "BIGINT"), new Bound((short) 7, "SMALLINT"), new Bound(1.5f, "REAL"),
        new Bound(1.5, "DOUBLE"), new Bound(new BigDecimal("-1.250"), "DECIMAL(10,3)"), new Bound("ä'", "VARCHAR"), new Bound(true, "BOOLEAN"),
        new Bound(Date.valueOf("2026-11-21"), "DATE"), new Bound(Time.valueOf("13:14:15"), "TIME"),
        new Bound(Timestamp.valueOf("2026-11-21 13:14:15.678901"), "TIMESTAMP"), new Bound(LocalDate.of(2026, 11, 21), "DATE"),
        new Bound(LocalDateTime.of(2026, 11, 21, 13, 14, 15), "TIMESTAMP"));
    for (Bound bound : values) {
      boolean isShort = bound.value instanceof Date || bound.value instanceof Time;
      checkBound("bind " + bound.value.getClass().getSimpleName(), isShort, () -> {
        try (PreparedStatement statement = connection.prepareStatement("SELECT CAST(? AS " + bound.type + ") AS v")) {
          for (int n = 0; n < 3; n++) {
            statement.setObject(1, bound.value);
            try (ResultSet result = statement.executeQuery()) {
              that(result.next(), "no row");
              Object value = bound.value instanceof LocalDate || bound.value instanceof LocalDateTime || bound.value instanceof Short || bound.value instanceof Float
                  ? result.getObject(1, bound.value.getClass()) : result.getObject(1);
              equal(bound.value, value);
            }
          }
        }
      });
    }
    checkBound("bind a UUID", true, () -> {
      try (PreparedStatement statement = connection.prepareStatement("SELECT ? = '00112233-4455-6677-8899-aabbccddeeff'")) {
        for (int n = 0; n < 3; n++) {
          statement.setObject(1, UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"));
          equal("[[true]]", Rows.all(statement.executeQuery()).toString());
        }
      }
    });
    check("bind bytes, NULL and an array", () -> {
      try (PreparedStatement statement = connection.prepareStatement("SELECT CAST(? AS BYTEA) AS a, CAST(? AS INT) AS b")) {
        for (int n = 0; n < 3; n++) {
          statement.setBytes(1, new byte[] {0, -1});
          statement.setNull(2, Types.INTEGER);
          equal("[[[0, -1], null]]", Rows.all(statement.executeQuery()).toString());
        }
      }
      try (PreparedStatement statement = connection.prepareStatement("SELECT count(*) AS n FROM orders.orders WHERE order_id = ANY (?)")) {
        for (int n = 0; n < 3; n++) {
          statement.setArray(1, connection.createArrayOf("int8", new Object[] {1, 2, 5000}));
          equal(List.of("2"), Rows.column(statement.executeQuery(), "n"));
        }
      }
    });
    checkBound("bind what filters a table", true, () -> {
      String sql = "SELECT count(*) AS n FROM orders.orders WHERE order_id < ? AND ordered_on >= ? AND country = ? AND amount < ? AND quantity IN (?, ?)";
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        for (int n = 0; n < 3; n++) {
          statement.setLong(1, 500);
          statement.setDate(2, Date.valueOf("2026-01-15"));
          statement.setString(3, "SE");
          statement.setBigDecimal(4, new BigDecimal("50.005"));
          statement.setInt(5, 1);
          statement.setInt(6, 2);
          equal(Rows.of(connection, "SELECT count(*) AS n FROM orders.orders WHERE order_id < 500 AND ordered_on >= DATE '2026-01-15' AND country = 'SE' "
              + "AND amount < 50.005 AND quantity IN (1, 2)").get(0), Rows.column(statement.executeQuery(), "n"));
        }
      }
    });
    check("bind LIMIT and OFFSET", () -> {
      try (PreparedStatement statement = connection.prepareStatement("SELECT order_id FROM orders.orders ORDER BY 1 LIMIT ? OFFSET ?")) {
        for (int n = 0; n < 3; n++) {
          statement.setInt(1, 2);
          statement.setInt(2, 5);
          equal(List.of("5", "6"), Rows.column(statement.executeQuery(), "order_id"));
        }
      }
    });
    check("bind a value of a wrong type is refused and the connection goes on", () -> {
      try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM orders.orders WHERE ordered_on = ?")) {
        statement.setObject(1, "soon", Types.OTHER);
        refused(statement::executeQuery);
      }
      equal("1", Rows.one(connection, "SELECT 1"));
    });
    if (!mode.contains("simple")) {
      check("parameters are described", () -> {
        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM orders.orders WHERE order_id = ? AND ordered_on = ? AND amount < ?")) {
          ParameterMetaData about = statement.getParameterMetaData();
          equal(3, about.getParameterCount());
          equal(List.of(JDBCType.BIGINT, JDBCType.DATE, JDBCType.NUMERIC), List.of(1, 2, 3).stream().map(n -> type(about, n)).toList());
          equal(8, statement.getMetaData().getColumnCount());
        }
      });
    }
  }

  private static JDBCType type(ParameterMetaData about, int number) {
    try {
      return JDBCType.valueOf(about.getParameterType(number));
    } catch (SQLException problem) {
      throw new IllegalStateException(problem);
    }
  }

  /** What PostgreSQL calls a column that has no name. */
  private void named() {
    check("columns without a name are called as in PostgreSQL", () -> {
      try (PreparedStatement statement = connection.prepareStatement("SELECT count(*), sum(order_id), 1 + 1, 'x', CAST(order_id AS TEXT), max(order_id) + 1, "
          + "CASE WHEN true THEN 1 END, CAST(1 AS INT), true, order_id, coalesce(order_id, 1), current_date FROM orders.orders GROUP BY order_id LIMIT 1")) {
        equal(List.of("count", "sum", "?column?", "?column?", "order_id", "?column?", "case", "int4", "bool", "order_id", "coalesce", "current_date"),
            Rows.labels(statement.executeQuery()));
      }
    });
  }
}

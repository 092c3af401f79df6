package samite;

import static samite.Checks.equal;
import static samite.Checks.refused;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.List;

/** Prepared statements: parameters of every type, bound again. */
final class Parameters {
  /** Puts the one value of a statement. */
  private interface Put {
    void into(PreparedStatement statement) throws SQLException;
  }

  /** A condition on shop.kinds.kinds that row 2 alone fulfils. */
  private record Condition(String sql, Put put) {}

  private static final List<Condition> CONDITIONS = List.of(
      new Condition("flag = ?", p -> p.setBoolean(1, true)),
      new Condition("tiny = ?", p -> p.setByte(1, (byte) 7)),
      new Condition("small = ?", p -> p.setShort(1, (short) 7)),
      new Condition("whole = ?", p -> p.setInt(1, 7)),
      new Condition("large = ?", p -> p.setLong(1, 7)),
      new Condition("large = ?", p -> p.setObject(1, 7L)),
      new Condition("single = ?", p -> p.setFloat(1, 7.25f)),
      new Condition("double = ?", p -> p.setDouble(1, 7.125)),
      new Condition("exact = ?", p -> p.setBigDecimal(1, new BigDecimal("7.10"))),
      new Condition("wide = ?", p -> p.setBigDecimal(1, new BigDecimal("7"))),
      new Condition("day = ?", p -> p.setDate(1, Date.valueOf("2026-11-21"))),
      new Condition("text = ?", p -> p.setString(1, "Zürich 🎵")),
      new Condition("bytes = ?", p -> p.setBytes(1, new byte[] {0, -1})),
      new Condition("local_time > ?", p -> p.setTimestamp(1, Timestamp.valueOf("2026-11-21 13:14:15.678"))),
      new Condition("instant > ?", p -> p.setTimestamp(1, Timestamp.valueOf("2026-11-21 13:14:15.678"))));

  private final Connection connection;
  private final Main main;
  private final Checks checks;

  Parameters(Connection connection, Main main, Checks checks) {
    this.connection = connection;
    this.main = main;
    this.checks = checks;
  }

  void run() {
    for (Condition condition : CONDITIONS) {
      checks.check("parameter: " + condition.sql, () -> {
        try (PreparedStatement prepared = connection.prepareStatement("SELECT id FROM shop.kinds.kinds WHERE " + condition.sql)) {
          condition.put.into(prepared);
          equal(List.of(List.of("2")), rows(prepared));
        }
      });
    }
    withoutType();
    again();
    wrong();
  }

  private void withoutType() {
    checks.check("parameter: a place without a type takes a text", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT ? AS v")) {
        prepared.setString(1, "Zürich");
        equal(List.of(List.of("Zürich")), rows(prepared));
      }
    });
    checks.check("parameter: a place without a type takes a text with x-wire-profile=jdbc", () -> {
      try (Connection asked = main.connect("&x-wire-profile=jdbc"); PreparedStatement prepared = asked.prepareStatement("SELECT upper(?) AS v")) {
        prepared.setString(1, "a");
        equal(List.of(List.of("A")), rows(prepared));
      }
    });
    checks.check("parameter: a place of several types takes the likely one", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT abs(?) AS a, coalesce(?, 1) AS b, ? + ? AS c")) {
        prepared.setDouble(1, -1.5);
        prepared.setLong(2, 7);
        prepared.setDouble(3, 1.5);
        prepared.setDouble(4, 2.5);
        equal(List.of(List.of("1.5", "7", "4.0")), rows(prepared));
      }
    });
    checks.check("parameter: a place with a cast", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT CAST(? AS BIGINT) + 1 AS v")) {
        prepared.setLong(1, 41);
        equal(List.of(List.of("42")), rows(prepared));
      }
    });
    checks.check("parameter: LIMIT and OFFSET", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT order_id FROM shop.orders.orders ORDER BY order_id LIMIT ? OFFSET ?")) {
        prepared.setInt(1, 2);
        prepared.setInt(2, 10);
        equal(List.of(List.of("10"), List.of("11")), rows(prepared));
      }
    });
  }

  private void again() {
    checks.check("parameter: bound again and again", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT count(*) FROM shop.orders.orders WHERE order_id < ? AND country = ?")) {
        for (int n = 0; n < 5; n++) {
          prepared.setLong(1, n * 30L);
          prepared.setString(2, "SE");
          equal(List.of(List.of(String.valueOf(n * 10))), rows(prepared));
        }
      }
    });
    checks.check("parameter: NULL, and a value after it", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT count(*) FROM shop.orders.orders WHERE order_id = ?")) {
        prepared.setNull(1, Types.BIGINT);
        equal(List.of(List.of("0")), rows(prepared));
        prepared.setLong(1, 7);
        equal(List.of(List.of("1")), rows(prepared));
      }
    });
    checks.check("parameter: IN, BETWEEN and LIKE", () -> {
      try (PreparedStatement prepared = connection.prepareStatement(
          "SELECT order_id FROM shop.orders.orders WHERE order_id IN (?, ?) AND amount BETWEEN ? AND ? AND note LIKE ? ORDER BY 1")) {
        prepared.setLong(1, 1);
        prepared.setLong(2, 2);
        prepared.setBigDecimal(3, new BigDecimal("0.00"));
        prepared.setBigDecimal(4, new BigDecimal("100.00"));
        prepared.setString(5, "note%");
        equal(List.of(List.of("1"), List.of("2")), rows(prepared));
      }
    });
    checks.check("parameter: two statements at once keep their own", () -> {
      String sql = "SELECT count(*) FROM shop.orders.orders WHERE order_id < ?";
      try (PreparedStatement one = connection.prepareStatement(sql); PreparedStatement other = connection.prepareStatement(sql)) {
        one.setLong(1, 1);
        other.setLong(1, 2);
        equal(List.of(List.of("1")), rows(one));
        equal(List.of(List.of("2")), rows(other));
        equal(List.of(List.of("1")), rows(one));
      }
    });
    checks.check("prepared: the columns are known before it runs", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT order_id, amount FROM shop.orders.orders WHERE order_id = ?")) {
        equal(2, prepared.getMetaData().getColumnCount());
        equal(Types.DECIMAL, prepared.getMetaData().getColumnType(2));
        equal(1, prepared.getParameterMetaData().getParameterCount());
        equal(Types.BIGINT, prepared.getParameterMetaData().getParameterType(1));
      }
    });
    checks.check("prepared: without parameters", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT 1")) {
        equal(List.of(List.of("1")), rows(prepared));
        equal(List.of(List.of("1")), rows(prepared));
      }
    });
  }

  private void wrong() {
    checks.check("parameter: one that is missing is refused", () -> {
      Connection own = main.connect(""); // not closed: the driver loses memory here, and then refuses to close
      try (PreparedStatement prepared = own.prepareStatement("SELECT * FROM shop.orders.orders WHERE order_id = ? AND country = ?")) {
        prepared.setLong(1, 1);
        refused(() -> rows(prepared));
      }
    });
    checks.check("parameter: one too many is refused", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT * FROM shop.orders.orders WHERE order_id = ?")) {
        refused(() -> prepared.setLong(2, 1));
      }
    });
    checks.check("prepared: used after close is refused", () -> {
      PreparedStatement prepared = connection.prepareStatement("SELECT 1");
      prepared.close();
      refused(prepared::executeQuery);
    });
    checks.check("prepared: wrong SQL is refused when it is prepared", () -> refused(() -> connection.prepareStatement("SELEC 1"), "SELEC"));
    checks.check("prepared: a write is refused", () ->
        refused(() -> connection.prepareStatement("DELETE FROM shop.orders.orders WHERE order_id = ?"), "read-only"));
  }

  private static List<List<String>> rows(PreparedStatement prepared) throws SQLException {
    try (ResultSet result = prepared.executeQuery()) {
      return Rows.all(result);
    }
  }
}

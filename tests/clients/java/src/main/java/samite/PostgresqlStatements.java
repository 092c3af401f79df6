package samite;

import static samite.Checks.equal;
import static samite.Checks.refused;
import static samite.Checks.that;

import java.io.StringReader;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.List;

/** Statements over the PostgreSQL listener: cursors, limits, cancel, transactions, errors. */
final class PostgresqlStatements {
  private static final String MANY = "SELECT value FROM generate_series(1, 200000)";
  private static final String ENDLESS = "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b WHERE a.value % 7 = b.value % 11";

  private final Connection connection;
  private final Postgresql main;
  private final Checks checks;

  PostgresqlStatements(Connection connection, Postgresql main, Checks checks) {
    this.connection = connection;
    this.main = main;
    this.checks = checks;
  }

  void run() {
    results();
    cursors();
    stopping();
    sessions();
    refusals();
    transactions();
  }

  private void results() {
    checks.check("statement: many rows", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(MANY)) {
        equal(20_000_100_000L, sum(result));
      }
    });
    checks.check("statement: no rows keep their columns", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("SELECT * FROM orders.orders LIMIT 0")) {
        equal(8, result.getMetaData().getColumnCount());
        that(!result.next(), "a row");
      }
    });
    checks.check("statement: several in one text", () -> {
      try (Statement statement = connection.createStatement()) {
        that(statement.execute("SET timezone = 'Europe/Berlin'; SELECT 1 AS a; SELECT 2 AS b; RESET timezone") == false, "a result");
        equal(0, statement.getUpdateCount());
        for (String expected : List.of("1", "2")) {
          that(statement.getMoreResults(), "no more results");
          equal(expected, Rows.all(statement.getResultSet()).get(0).get(0));
        }
        that(!statement.getMoreResults(), "a result");
        equal(0, statement.getUpdateCount());
        that(!statement.getMoreResults() && statement.getUpdateCount() == -1, "more");
      }
    });
    checks.check("statement: escapes of JDBC", () -> {
      equal("2026-11-21", Rows.one(connection, "SELECT {d '2026-11-21'}"));
      equal("2026-11-21 13:14:15.0", Rows.one(connection, "SELECT {ts '2026-11-21 13:14:15'}"));
      equal("A5", Rows.one(connection, "SELECT {fn concat({fn ucase('a')}, cast({fn length('abcde')} as varchar))}"));
    });
    checks.check("statement: one after the other, and two results open", () -> {
      try (Statement one = connection.createStatement(); Statement other = connection.createStatement();
          ResultSet first = one.executeQuery("SELECT order_id FROM orders.orders ORDER BY 1");
          ResultSet second = other.executeQuery("SELECT customer_id FROM orders.orders ORDER BY 1")) {
        that(first.next() && second.next() && first.next() && second.next(), "no row");
        equal(1L, first.getLong(1));
        equal(0, second.getInt(1));
      }
    });
    checks.check("statement: a result that scrolls in the driver", () -> {
      try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
          ResultSet result = statement.executeQuery("SELECT order_id FROM orders.orders ORDER BY 1")) {
        that(result.last() && result.getRow() == 1000 && result.absolute(10), "does not scroll");
        equal(9L, result.getLong(1));
        that(result.previous() && result.first(), "does not scroll back");
      }
    });
  }

  private void cursors() {
    for (String mode : List.of("", "&prepareThreshold=1", "&binaryTransfer=false", "&adaptiveFetch=true")) {
      checks.check("cursor: rows in steps of setFetchSize" + mode, () -> {
        try (Connection own = main.connect("shop", mode)) {
          own.setAutoCommit(false);
          try (PreparedStatement statement = own.prepareStatement("SELECT value FROM generate_series(1, 20000) t(value) WHERE value > ?")) {
            statement.setFetchSize(700);
            for (int n = 0; n < 2; n++) {
              statement.setInt(1, 10);
              try (ResultSet result = statement.executeQuery()) {
                equal(200_010_000L - 55, sum(result));
              }
            }
          }
          try (Statement statement = own.createStatement()) {
            statement.setFetchSize(10);
            try (ResultSet result = statement.executeQuery(MANY)) {
              that(result.next() && result.next(), "no row");
            }
          }
          own.commit();
          equal("1", Rows.one(own, "SELECT 1"));
        }
      });
    }
    checks.check("cursor: two at once, and a commit between", () -> {
      try (Connection own = main.connect("shop", "")) {
        own.setAutoCommit(false);
        try (Statement one = own.createStatement(); Statement other = own.createStatement()) {
          one.setFetchSize(3);
          other.setFetchSize(5);
          try (ResultSet first = one.executeQuery(MANY); ResultSet second = other.executeQuery("SELECT order_id FROM orders.orders ORDER BY 1")) {
            for (int n = 1; n < 50; n++) {
              that(first.next() && second.next(), "no row");
              equal(n - 1L, second.getLong(1));
            }
          }
        }
        own.commit();
      }
    });
  }

  private void stopping() {
    checks.check("statement: setMaxRows", () -> {
      try (Statement statement = connection.createStatement()) {
        statement.setMaxRows(5);
        try (ResultSet result = statement.executeQuery(MANY)) {
          equal(5, Rows.all(result).size());
        }
      }
      equal("1", Rows.one(connection, "SELECT 1"));
    });
    checks.check("statement: setQueryTimeout ends it", () -> {
      try (Statement statement = connection.createStatement()) {
        statement.setQueryTimeout(1);
        equal("57014", refused(() -> Rows.all(statement.executeQuery(ENDLESS))).getSQLState());
      }
      equal("1", Rows.one(connection, "SELECT 1"));
    });
    checks.check("statement: cancel ends it, and the connection goes on", () -> {
      try (Connection other = main.connect("shop", ""); Statement statement = other.createStatement()) {
        Thread canceller = new Thread(() -> {
          try {
            for (int n = 0; n < 100 && running().equals("0"); n++) {
              Thread.sleep(50);
            }
            statement.cancel();
          } catch (InterruptedException | SQLException problem) {
            throw new IllegalStateException(problem);
          }
        });
        canceller.start();
        equal("57014", refused(() -> Rows.all(statement.executeQuery(ENDLESS))).getSQLState());
        canceller.join();
        equal("1", Rows.one(other, "SELECT 1"));
      }
    });
    checks.check("statement: what was stopped does not run on", () -> {
      for (int n = 0; n < 50 && !running().equals("0"); n++) {
        Thread.sleep(100);
      }
      equal("0", running());
    });
  }

  private String running() throws SQLException {
    return Rows.one(connection, "SELECT count(*) FROM mesh.runtime.queries WHERE state = 'running' AND sql LIKE 'SELECT count(*) FROM generate_series%'");
  }

  private void sessions() {
    checks.check("session: SET and RESET", () -> {
      try (Connection own = main.connect("shop", ""); Statement statement = own.createStatement()) {
        equal(0, statement.executeUpdate("SET TIME ZONE '+02:00'"));
        equal("+02:00", Rows.one(own, "SHOW timezone"));
        statement.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
        statement.execute("SET application_name = 'x'");
        statement.execute("SET extra_float_digits = 3");
        statement.execute("SET search_path TO orders, public");
        equal("1000", Rows.one(own, "SELECT count(*) FROM orders"));
        statement.execute("DISCARD ALL");
        equal("UTC", Rows.one(own, "SHOW timezone"));
      }
    });
    checks.check("session: an unknown setting is refused by name", () ->
        refused(() -> connection.createStatement().execute("SET nothing = 1"), "nothing"));
  }

  private void refusals() {
    checks.check("error: an unknown table names what comes nearest", () -> {
      SQLException refusal = refused(() -> Rows.of(connection, "SELECT * FROM orders.order"), "orders.order", "does not exist");
      equal("42P01", refusal.getSQLState());
    });
    checks.check("error: an unknown column, bad SQL", () -> {
      refused(() -> Rows.of(connection, "SELECT amont FROM orders.orders"), "amont");
      equal("42601", refused(() -> Rows.of(connection, "SELECT 1 FROM WHERE 1")).getSQLState());
    });
    checks.check("error: while rows come", () -> {
      refused(() -> Rows.of(connection, "SELECT 1 / (order_id - 999) FROM orders.orders"), "division by zero");
      equal("1", Rows.one(connection, "SELECT 1"));
    });
    checks.check("error: writes are refused", () -> {
      for (String sql : List.of("INSERT INTO orders.orders VALUES (1)", "CREATE TABLE t (a INT)", "CREATE TEMPORARY TABLE t (a INT)", "DROP TABLE orders.orders")) {
        equal("0A000", refused(() -> connection.createStatement().executeUpdate(sql)).getSQLState());
      }
      try (Statement statement = connection.createStatement()) {
        statement.addBatch("INSERT INTO orders.orders VALUES (1)");
        that(refused(statement::executeBatch) instanceof BatchUpdateException, "not of a batch");
      }
    });
    checks.check("error: COPY in, LISTEN and calls are refused, and the connection goes on", () -> {
      for (String sql : List.of("COPY orders.orders FROM STDIN", "LISTEN x", "NOTIFY x", "LOCK TABLE orders.orders")) {
        equal(sql + " 0A000", sql + " " + refused(() -> connection.createStatement().execute(sql)).getSQLState());
      }
      refused(() -> connection.prepareCall("{call nothing()}").execute());
      equal("1", Rows.one(connection, "SELECT 1"));
    });
    checks.check("error: what a driver cannot send is its own", () -> {
      try (PreparedStatement statement = connection.prepareStatement("SELECT ?")) {
        statement.setCharacterStream(1, new StringReader("x"), 1);
        equal("x", Rows.all(statement.executeQuery()).get(0).get(0));
      }
    });
  }

  private void transactions() {
    checks.check("transaction: commit, rollback, savepoints", () -> {
      try (Connection own = main.connect("shop", "")) {
        own.setAutoCommit(false);
        equal("1", Rows.one(own, "SELECT 1"));
        Savepoint savepoint = own.setSavepoint();
        refused(() -> Rows.one(own, "SELECT nope"));
        equal("25P02", refused(() -> Rows.one(own, "SELECT 1")).getSQLState());
        own.rollback(savepoint);
        equal("1", Rows.one(own, "SELECT 1"));
        own.releaseSavepoint(own.setSavepoint("named"));
        own.rollback();
        own.setAutoCommit(true);
        equal("1", Rows.one(own, "SELECT 1"));
      }
    });
    checks.check("transaction: autosave goes on after an error", () -> {
      try (Connection own = main.connect("shop", "&autosave=always")) {
        own.setAutoCommit(false);
        equal("1", Rows.one(own, "SELECT 1"));
        refused(() -> Rows.one(own, "SELECT nope"));
        equal("1", Rows.one(own, "SELECT 1"));
        own.commit();
      }
    });
  }

  private static long sum(ResultSet result) throws SQLException {
    long sum = 0;
    while (result.next()) {
      sum += result.getLong(1);
    }
    return sum;
  }
}

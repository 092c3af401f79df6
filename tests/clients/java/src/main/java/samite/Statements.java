package samite;

import static samite.Checks.equal;
import static samite.Checks.refused;
import static samite.Checks.that;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Statements: results of every size, limits, cancel, session statements, errors. */
final class Statements {
  private static final String MANY = "SELECT value FROM generate_series(1, 500000)";
  private static final String ENDLESS = "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b WHERE a.value % 7 = b.value % 11";

  /** Why a result without rows has wrong columns. */
  static final String NO_ROWS = "the driver passes over batches without rows, and takes the columns from the first one that has some";

  private final Connection connection;
  private final Main main;
  private final Checks checks;

  Statements(Connection connection, Main main, Checks checks) {
    this.connection = connection;
    this.main = main;
    this.checks = checks;
  }

  void run() {
    results();
    stopping();
    sessions();
    refusals();
    transactions();
  }

  private void results() {
    checks.check("prepared: no rows keep their columns", () -> {
      try (PreparedStatement prepared = connection.prepareStatement("SELECT * FROM shop.orders.orders LIMIT 0")) {
        equal(8, prepared.getMetaData().getColumnCount());
      }
    });
    checks.driverLimit("statement: no rows keep their columns", NO_ROWS, () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("SELECT * FROM shop.orders.orders LIMIT 0")) {
        equal(8, result.getMetaData().getColumnCount());
        that(!result.next(), "a row");
      }
    });
    checks.check("statement: half a million rows", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(MANY)) {
        long rows = 0;
        long sum = 0;
        while (result.next()) {
          rows++;
          sum += result.getLong(1);
        }
        equal(500_000L, rows);
        equal(125_000_250_000L, sum);
      }
    });
    checks.check("statement: a large value", () -> equal("5000000", Rows.one(connection, "SELECT length(v) FROM (SELECT repeat('x', 5000000) AS v)")));
    checks.check("statement: a large value arrives", () -> equal(5_000_000, Rows.one(connection, "SELECT repeat('x', 5000000) AS v").length()));
    checks.check("statement: three domains in one", () -> equal("1000", Rows.one(connection,
        "SELECT count(*) FROM shop.orders.orders o JOIN people.customers.customers c USING (customer_id) JOIN stock.items.items i USING (item_id)")));
    checks.check("statement: one after the other, and two results open", () -> {
      try (Statement one = connection.createStatement(); Statement other = connection.createStatement();
          ResultSet first = one.executeQuery("SELECT order_id FROM shop.orders.orders ORDER BY 1");
          ResultSet second = other.executeQuery("SELECT item_id FROM stock.items.items ORDER BY 1")) {
        that(first.next() && second.next() && first.next() && second.next(), "no row");
        equal(1L, first.getLong(1));
        equal(1, second.getInt(1));
      }
    });
    checks.check("statement: closing twice, and a result after its statement", () -> {
      Statement statement = connection.createStatement();
      ResultSet result = statement.executeQuery("SELECT 1");
      statement.close();
      statement.close();
      that(result.isClosed(), "the result is open");
    });
    checks.check("statement: execute says what came, and that no more comes", () -> {
      try (Statement statement = connection.createStatement()) {
        that(statement.execute("SELECT 1"), "no result");
        equal(-1, statement.getUpdateCount());
        try (ResultSet result = statement.getResultSet()) {
          equal(1, Rows.all(result).size());
        }
        that(!statement.getMoreResults(), "more results");
        equal(-1, statement.getUpdateCount());
      }
    });
    checks.check("statement: eight threads on one connection", () -> {
      List<Callable<String>> asks = new ArrayList<>();
      for (int n = 0; n < 64; n++) {
        String sql = "SELECT count(*) + " + n + " FROM shop.orders.orders";
        asks.add(() -> Rows.one(connection, sql));
      }
      ExecutorService threads = Executors.newFixedThreadPool(8);
      try {
        long expected = 1000;
        for (Future<String> answer : threads.invokeAll(asks)) {
          equal(String.valueOf(expected++), answer.get());
        }
      } finally {
        threads.shutdown();
      }
    });
    checks.check("statement: EXPLAIN, SHOW and DESCRIBE answer", () -> {
      that(Rows.of(connection, "EXPLAIN SELECT * FROM shop.orders.orders").size() > 0, "EXPLAIN");
      that(Rows.of(connection, "SHOW TABLES").size() > 5, "SHOW TABLES");
      equal(8, Rows.of(connection, "DESCRIBE shop.orders.orders").size());
      equal("Samite", Rows.one(connection, "SELECT 'Samite'"));
      that(Rows.one(connection, "SELECT version()") != null, "version");
    });
  }

  private void stopping() {
    checks.check("statement: setMaxRows", () -> {
      try (Statement statement = connection.createStatement()) {
        statement.setMaxRows(5);
        try (ResultSet result = statement.executeQuery(MANY)) {
          equal(5, Rows.all(result).size());
        }
        statement.setMaxRows(0);
        try (ResultSet result = statement.executeQuery("SELECT order_id FROM shop.orders.orders")) {
          equal(1000, Rows.all(result).size());
        }
      }
    });
    checks.check("statement: a result closed early", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(MANY)) {
        that(result.next(), "no row");
      }
      equal("1", Rows.one(connection, "SELECT 1"));
    });
    checks.check("statement: setQueryTimeout ends it", () -> {
      try (Statement statement = connection.createStatement()) {
        statement.setQueryTimeout(1);
        refused(() -> Rows.all(statement.executeQuery(ENDLESS)));
      }
    });
    checks.check("statement: cancel ends it", () -> {
      try (Connection other = main.connect(""); Statement statement = other.createStatement()) {
        Thread canceller = new Thread(() -> {
          try {
            Thread.sleep(1000);
            statement.cancel();
          } catch (InterruptedException | SQLException problem) {
            throw new IllegalStateException(problem);
          }
        });
        canceller.start();
        long began = System.nanoTime();
        refused(() -> Rows.all(statement.executeQuery(ENDLESS)));
        canceller.join();
        that(System.nanoTime() - began < 20_000_000_000L, "took too long");
      }
    });
    checks.check("statement: what was stopped does not run on", () -> {
      String running = "SELECT count(*) FROM mesh.runtime.queries WHERE state = 'running' AND sql LIKE 'SELECT count(*) FROM generate_series%'";
      for (int n = 0; n < 50 && !Rows.one(connection, running).equals("0"); n++) {
        Thread.sleep(100);
      }
      equal("0", Rows.one(connection, running));
    });
  }

  private void sessions() {
    checks.check("session: SET and USE are no results", () -> {
      try (Connection own = main.connect(""); Statement statement = own.createStatement()) {
        equal(false, statement.execute("SET timezone = '+02:00'"));
        equal(0, statement.executeUpdate("USE shop.calendar"));
        equal("+02:00", Rows.setting(own, "timezone"));
        equal("31", Rows.one(own, "SELECT count(*) FROM days"));
        equal(0, statement.executeUpdate("RESET timezone"));
        equal("UTC", Rows.setting(own, "timezone"));
      }
    });
    checks.check("session: setCatalog and setSchema are taken", () -> {
      try (Connection own = main.connect("")) {
        own.setCatalog("shop");
        own.setSchema("calendar");
        own.setReadOnly(true);
      }
    });
    checks.check("session: SHOW timezone says UTC at first", () -> {
      try (Connection own = main.connect("")) {
        equal("UTC", Rows.setting(own, "timezone"));
      }
    });
    checks.check("session: an unknown setting is refused by name", () ->
        refused(() -> connection.createStatement().execute("SET nothing = 1"), "nothing"));
  }

  private void refusals() {
    checks.check("error: an unknown table names what comes nearest", () ->
        refused(() -> Rows.of(connection, "SELECT * FROM shop.orders.order"), "shop.orders.order", "does not exist"));
    checks.check("error: an unknown column", () -> refused(() -> Rows.of(connection, "SELECT amont FROM shop.orders.orders"), "amont"));
    checks.check("error: bad SQL", () -> refused(() -> Rows.of(connection, "SELECT FROM WHERE"), "WHERE"));
    String late = "SELECT 1 / (order_id - 999) FROM shop.orders.orders";
    checks.check("error: while rows come", () -> {
      try {
        Rows.of(connection, late);
        throw new AssertionError("answered");
      } catch (SQLException | RuntimeException problem) { // the driver's FlightRuntimeException, once a row has come
        that(problem.getMessage().contains("division by zero"), problem.getMessage());
      }
    });
    checks.check("error: a write", () -> {
      for (String sql : List.of("INSERT INTO shop.orders.orders VALUES (1)", "CREATE TABLE t (a INT)", "DROP TABLE shop.orders.orders")) {
        refused(() -> connection.createStatement().execute(sql), "read-only");
        refused(() -> connection.createStatement().executeUpdate(sql), "read-only");
      }
    });
    checks.check("error: a text of two kilobytes at most", () -> {
      SQLException refusal = refused(() -> Rows.of(connection, "SELECT " + "x".repeat(100_000)));
      String message = refusal.getMessage();
      that(message.length() - 100_000 < 4096, message.length() + " characters");
    });
    checks.driverLimit("error: an SQLState that says what is wrong", "the driver has no SQLState for a status of gRPC",
        () -> that(refused(() -> Rows.of(connection, "SELECT * FROM nothing.nothing")).getSQLState() != null, "null"));
    checks.check("error: the connection goes on after one", () -> equal("1", Rows.one(connection, "SELECT 1")));
  }

  private void transactions() {
    checks.check("transaction: autocommit is on", () -> that(connection.getAutoCommit(), "off"));
    checks.driverLimit("transaction: batches of updates are refused", "the driver throws a NullPointerException", () -> {
      try (Statement statement = connection.createStatement()) {
        statement.addBatch("INSERT INTO shop.orders.orders VALUES (1)");
        refused(statement::executeBatch);
      }
    });
  }
}

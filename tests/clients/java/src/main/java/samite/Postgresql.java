package samite;

import static samite.Checks.equal;
import static samite.Checks.refused;
import static samite.Checks.that;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/**
 * Asks the PostgreSQL listener of a samite server over the sample mesh through pgjdbc, the driver on the class path.
 *
 * <p>One line for each check; ends with 1 if one failed. {@code java samite.Postgresql 127.0.0.1:5432}, with a second server for logins by
 * SAMITE_LOGIN_POSTGRESQL.
 */
public final class Postgresql {
  private static final String PASSWORD = "it's; 1=1 & 100%";

  private final String server;
  private final Checks checks = new Checks();

  private Postgresql(String server) {
    this.server = server;
  }

  /** A connection to a domain, with properties such as {@code &prepareThreshold=1}. */
  Connection connect(String database, String properties) throws SQLException {
    return DriverManager.getConnection("jdbc:postgresql://" + server + "/" + database + "?user=anna" + properties);
  }

  public static void main(String[] arguments) throws SQLException {
    Postgresql main = new Postgresql(arguments[0]);
    try (Connection connection = main.connect("shop", "")) {
      System.out.println("driver " + connection.getMetaData().getDriverVersion());
      main.connecting();
      for (String mode : new String[] {"", "&prepareThreshold=1", "&preferQueryMode=simple", "&prepareThreshold=-1"}) {
        try (Connection own = main.connect("shop", mode)) {
          new PostgresqlTypes(own, main.checks, mode).run();
        }
      }
      new PostgresqlStatements(connection, main, main.checks).run();
      new PostgresqlMetadata(connection, main.checks).run();
    }
    main.logins();
    System.exit(main.checks.report() ? 0 : 1);
  }

  private void connecting() {
    checks.check("connect: valid until closed", () -> {
      Connection connection = connect("shop", "");
      that(connection.isValid(5) && !connection.isClosed(), "is not valid");
      connection.close();
      connection.close();
      that(connection.isClosed() && !connection.isValid(5), "is open");
      refused(() -> connection.createStatement().executeQuery("SELECT 1"));
    });
    checks.check("connect: the domain is the catalog, the product the schema", () -> {
      try (Connection connection = connect("shop", "&currentSchema=orders")) {
        equal("shop", connection.getCatalog());
        equal("orders", connection.getSchema());
        equal("1000", Rows.one(connection, "SELECT count(*) FROM orders"));
        connection.setSchema("calendar");
        equal("calendar", connection.getSchema());
        equal("31", Rows.one(connection, "SELECT count(*) FROM days"));
      }
    });
    checks.check("connect: what tools set", () -> {
      for (String properties : new String[] {"&ApplicationName=checks", "&assumeMinServerVersion=16", "&readOnly=true", "&readOnlyMode=always&readOnly=true",
          "&options=-c%20statement_timeout=5min", "&binaryTransfer=false", "&stringtype=unspecified", "&tcpKeepAlive=true", "&sslmode=prefer",
          "&targetServerType=any", "&defaultRowFetchSize=100", "&adaptiveFetch=true", "&autosave=always", "&cleanupSavepoints=true",
          "&preferQueryMode=extended", "&preferQueryMode=extendedCacheEverything", "&reWriteBatchedInserts=true", "&gssEncMode=prefer"}) {
        try (Connection connection = connect("shop", properties)) {
          equal("1", Rows.one(connection, "SELECT 1"));
        }
      }
    });
    checks.check("connect: a server that is asked for is the one that can be written", () ->
        refused(() -> connect("shop", "&targetServerType=primary&readOnly=true").close()));
    checks.check("connect: setReadOnly, isolation, holdability, network timeout", () -> {
      try (Connection connection = connect("shop", "")) {
        connection.setReadOnly(true);
        that(connection.isReadOnly(), "not read only");
        connection.setAutoCommit(false);
        equal("1", Rows.one(connection, "SELECT 1"));
        connection.commit();
        connection.setReadOnly(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        equal(Connection.TRANSACTION_READ_COMMITTED, connection.getTransactionIsolation());
        refused(() -> connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ), "REPEATABLE READ", "not supported");
        connection.rollback();
        connection.setHoldability(ResultSet.HOLD_CURSORS_OVER_COMMIT);
        connection.setNetworkTimeout(Runnable::run, 30_000);
        connection.setClientInfo("ApplicationName", "checks");
        equal("checks", connection.getClientInfo("ApplicationName"));
        equal("1", Rows.one(connection, "SELECT 1"));
        equal(null, connection.getWarnings());
      }
    });
    checks.check("connect: an unknown domain is refused by name", () -> refused(() -> connect("nothing", "").close(), "nothing"));
    checks.check("connect: many at once", () -> {
      Connection[] connections = new Connection[16];
      for (int n = 0; n < connections.length; n++) {
        connections[n] = connect("shop", "");
      }
      for (Connection connection : connections) {
        equal("1", Rows.one(connection, "SELECT 1"));
        connection.close();
      }
    });
  }

  private void logins() {
    String url = "jdbc:postgresql://" + System.getenv("SAMITE_LOGIN_POSTGRESQL") + "/shop?sslmode=verify-full&sslrootcert=" + System.getenv("SAMITE_LOGIN_CA");
    String caller = "SELECT current_user";
    checks.check("login: user and password over TLS", () -> {
      try (Connection connection = DriverManager.getConnection(url, "anna", PASSWORD); PreparedStatement statement = connection.prepareStatement(caller)) {
        equal("anna", Rows.column(statement.executeQuery(), "current_user").get(0));
        equal("anna", connection.getMetaData().getUserName());
      }
    });
    checks.check("login: TLS without asking for it first", () -> {
      try (Connection connection = DriverManager.getConnection(url + "&sslNegotiation=direct", "anna", PASSWORD)) {
        equal("anna", Rows.one(connection, caller));
      }
    });
    checks.check("login: token", () -> {
      try (Connection connection = DriverManager.getConnection(url, "token", System.getenv("SAMITE_LOGIN_TOKEN"))) {
        equal("bert", Rows.one(connection, caller));
      }
    });
    checks.check("login: a wrong password is refused", () ->
        equal("28P01", refused(() -> DriverManager.getConnection(url, "anna", "wrong").close()).getSQLState()));
    checks.check("login: without TLS is refused", () -> {
      String plain = url.replaceAll("sslmode=.*", "sslmode=disable");
      SQLException refusal = refused(() -> DriverManager.getConnection(plain, "anna", PASSWORD).close(), "encrypted");
      equal("28000", refusal.getSQLState());
    });
  }
}

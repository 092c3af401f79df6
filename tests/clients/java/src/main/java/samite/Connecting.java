package samite;

import static samite.Checks.equal;
import static samite.Checks.refused;
import static samite.Checks.that;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;

/** Connections: properties in the URL, sessions, what is refused. */
final class Connecting {
  private final Main main;
  private final Checks checks;

  Connecting(Main main, Checks checks) {
    this.main = main;
    this.checks = checks;
  }

  void run() {
    checks.check("connect: valid until closed", () -> {
      Connection connection = main.connect("");
      that(connection.isValid(5) && !connection.isClosed(), "is not valid");
      connection.close();
      connection.close();
      that(connection.isClosed(), "is open");
      refused(() -> connection.createStatement().executeQuery("SELECT 1"));
    });
    checks.check("connect: user and password", () -> answers("&user=ines&password=secret"));
    checks.check("connect: user and password as properties", () -> {
      Properties properties = new Properties();
      properties.setProperty("user", "ines");
      properties.setProperty("password", "secret");
      properties.setProperty("useEncryption", "false");
      try (Connection connection = DriverManager.getConnection(main.url(""), properties)) {
        equal("1", Rows.one(connection, "SELECT 1"));
      }
    });
    checks.check("connect: token", () -> answers("&token=abc"));
    checks.check("connect: what the driver does not know is ignored", () -> answers("&application=checks&x-mesh-purpose=test"));
    checks.check("connect: catalog", () -> {
      Connection connection = main.connect("&catalog=shop");
      equal("1000", Rows.one(connection, "SELECT count(*) FROM orders.orders"));
      equal("shop", Rows.setting(connection, "catalog"));
    });
    checks.driverLimit("connect: closing one with a catalog", "the driver sends CloseSession a second time after it has closed its channel",
        () -> main.connect("&catalog=shop").close());
    checks.check("connect: unknown catalog is refused by name", () -> refused(() -> main.connect("&catalog=nothing").close(), "nothing"));
    checks.check("connect: SET and USE hold for the connection alone", () -> {
      try (Connection one = main.connect(""); Connection other = main.connect("")) {
        one.createStatement().execute("USE shop.orders");
        equal("1000", Rows.one(one, "SELECT count(*) FROM orders"));
        refused(() -> Rows.one(other, "SELECT count(*) FROM orders"), "orders");
        one.createStatement().execute("SET timezone = 'Europe/Stockholm'");
        equal("Europe/Stockholm", Rows.setting(one, "timezone"));
        equal("UTC", Rows.setting(other, "timezone"));
      }
    });
    checks.check("connect: encryption asked of a server without it is refused", () ->
        refused(() -> Rows.one(DriverManager.getConnection(main.url("").replace("useEncryption=false", "useEncryption=true")), "SELECT 1")));
    checks.check("connect: many at once", () -> {
      Connection[] connections = new Connection[16];
      for (int n = 0; n < connections.length; n++) {
        connections[n] = main.connect("");
      }
      for (Connection connection : connections) {
        equal("1", Rows.one(connection, "SELECT 1"));
        connection.close();
      }
    });
  }

  private void answers(String properties) throws SQLException {
    try (Connection connection = main.connect(properties)) {
      equal("1", Rows.one(connection, "SELECT 1"));
    }
  }
}

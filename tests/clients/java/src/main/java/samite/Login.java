package samite;

import static samite.Checks.equal;
import static samite.Checks.refused;

import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** Logins over TLS, against the server that the environment names. */
final class Login {
  private static final String PASSWORD = "it's; 1=1 & 100%";

  private final Checks checks;
  private final String server = URI.create(System.getenv("SAMITE_LOGIN_URI")).getAuthority();
  private final String authority = System.getenv("SAMITE_LOGIN_CA");

  Login(Checks checks) {
    this.checks = checks;
  }

  void run() {
    checks.check("login: user and password", () -> equal("anna", caller(Map.of("user", "anna", "password", PASSWORD))));
    checks.check("login: user and password in the URL", () -> {
      String url = "jdbc:arrow-flight-sql://" + server + "/?tlsRootCerts=" + authority + "&user=anna&password=it%27s%3B%201%3D1%20%26%20100%25";
      try (Connection connection = DriverManager.getConnection(url)) {
        equal("1", Rows.one(connection, "SELECT 1"));
      }
    });
    checks.check("login: token", () -> equal("bert", caller(Map.of("token", System.getenv("SAMITE_LOGIN_TOKEN")))));
    checks.check("login: a session of one's own", () -> {
      try (Connection connection = connect(Map.of("user", "anna", "password", PASSWORD)); Connection other = connect(Map.of("user", "anna", "password", PASSWORD))) {
        connection.createStatement().execute("USE shop.calendar");
        equal("31", Rows.one(connection, "SELECT count(*) FROM days"));
        refused(() -> Rows.one(other, "SELECT count(*) FROM days"), "days");
      }
    });
    for (Map<String, String> wrong : List.of(Map.of("user", "anna", "password", "wrong"), Map.of("token", "abc"), Map.<String, String>of())) {
      checks.check("login: refused with " + wrong.keySet(), () -> refusedWith(wrong, "UNAUTHENTICATED"));
    }
    checks.check("login: a certificate of an unknown authority is refused", () ->
        refused(() -> DriverManager.getConnection("jdbc:arrow-flight-sql://" + server + "/", "anna", PASSWORD).close()));
  }

  private Connection connect(Map<String, String> credentials) throws SQLException {
    Properties properties = new Properties();
    properties.putAll(credentials);
    properties.setProperty("tlsRootCerts", authority);
    return DriverManager.getConnection("jdbc:arrow-flight-sql://" + server + "/", properties);
  }

  /** Whom the server knows the caller as. */
  private String caller(Map<String, String> credentials) throws SQLException {
    try (Connection connection = connect(credentials)) {
      Rows.one(connection, "SELECT 1");
      return Rows.one(connection, "SELECT DISTINCT principal FROM mesh.runtime.queries");
    }
  }

  /** The driver throws what gRPC says while it connects, and an SQLException later. */
  private void refusedWith(Map<String, String> credentials, String word) throws Exception {
    try {
      caller(credentials);
    } catch (SQLException | RuntimeException refusal) {
      Checks.that((refusal + " " + refusal.getCause()).contains(word), refusal.toString());
      return;
    }
    throw new AssertionError("was not refused");
  }
}

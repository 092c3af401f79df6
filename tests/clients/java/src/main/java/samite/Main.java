package samite;

import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.logging.LogManager;

/**
 * Asks a samite server over the sample mesh through the JDBC driver on the class path.
 *
 * <p>One line for each check; ends with 1 if one failed. {@code java samite.Main grpc://127.0.0.1:32010}, with a second server for {@link Login}
 */
public final class Main {
  private final URI server;

  private Main(URI server) {
    this.server = server;
  }

  /** The JDBC URL of the server, with properties such as {@code &catalog=shop}. */
  String url(String properties) {
    return "jdbc:arrow-flight-sql://" + server.getAuthority() + "/?useEncryption=false" + properties;
  }

  Connection connect(String properties) throws SQLException {
    return DriverManager.getConnection(url(properties));
  }

  public static void main(String[] arguments) throws SQLException {
    LogManager.getLogManager().reset(); // the driver logs how it allocates memory
    Main main = new Main(URI.create(arguments[0]));
    Checks checks = new Checks();
    try (Connection connection = main.connect("")) {
      int driver = connection.getMetaData().getDriverMajorVersion();
      System.out.println("driver " + connection.getMetaData().getDriverVersion());
      new Connecting(main, checks).run();
      new Metadata(connection, checks, driver).run();
      new Results(connection, main, checks, driver).run();
      new Parameters(connection, main, checks).run();
      new Statements(connection, main, checks).run();
    }
    new Login(checks).run();
    System.exit(checks.report() ? 0 : 1);
  }
}

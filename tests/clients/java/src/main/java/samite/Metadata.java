package samite;

import static samite.Checks.equal;
import static samite.Checks.that;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;

/** Every getter of DatabaseMetaData. */
final class Metadata {
  private final Connection connection;
  private final Checks checks;
  private final int driver;
  private final DatabaseMetaData metadata;

  Metadata(Connection connection, Checks checks, int driver) throws SQLException {
    this.connection = connection;
    this.checks = checks;
    this.driver = driver;
    this.metadata = connection.getMetaData();
  }

  void run() {
    everyPlainGetter();
    listings();
    columns();
    keys();
    emptyListings();
    conversions();
    checks.check("metadata: what the driver answers itself", () -> {
      that(metadata.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY), "forward only");
      that(!metadata.supportsTransactionIsolationLevel(Connection.TRANSACTION_SERIALIZABLE), "no transactions");
      equal(false, metadata.supportsResultSetConcurrency(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_UPDATABLE));
    });
  }

  private void conversions() {
    checks.check("metadata: supportsConvert", () -> {
      that(metadata.supportsConvert(Types.INTEGER, Types.VARCHAR), "INTEGER to VARCHAR");
      that(!metadata.supportsConvert(Types.DATE, Types.INTEGER), "DATE to INTEGER");
    });
  }

  /** Each getter without arguments gives what getters.properties says. */
  private void everyPlainGetter() {
    Properties expected = new Properties();
    try (InputStream file = Metadata.class.getResourceAsStream("getters.properties")) {
      expected.load(file);
    } catch (IOException problem) {
      throw new IllegalStateException(problem);
    }
    Method[] methods = DatabaseMetaData.class.getMethods();
    Arrays.sort(methods, Comparator.comparing(Method::getName));
    for (Method method : methods) {
      if (method.getParameterCount() > 0 || method.getReturnType() == ResultSet.class) {
        continue;
      }
      String name = "metadata: " + method.getName();
      Checks.Body body = () -> {
        String found = String.valueOf(call(method));
        String value = expected.getProperty(method.getName());
        that(value != null, "getters.properties does not say what it gives; it gave " + found);
        that(found.matches(value), "expected " + value + ", found " + found);
      };
      checks.check(name, body);
    }
  }

  private Object call(Method method) throws Exception {
    try {
      return method.invoke(metadata);
    } catch (InvocationTargetException problem) {
      throw problem.getCause() instanceof Exception cause ? cause : problem;
    }
  }

  private void listings() {
    checks.check("metadata: getCatalogs", () -> equal(List.of("mesh", "people", "shop", "stock"), column("TABLE_CAT", metadata.getCatalogs())));
    checks.check("metadata: getSchemas", () -> {
      Set<String> all = new HashSet<>(column("TABLE_SCHEM", metadata.getSchemas()));
      that(all.containsAll(Set.of("orders", "orders@1", "customers", "items", "discovery", "information_schema")), all.toString());
      equal(List.of("orders", "orders@1", "orders@2"), column("TABLE_SCHEM", metadata.getSchemas("shop", "orders%")));
      equal(List.of("Price-List"), column("TABLE_SCHEM", metadata.getSchemas("shop", "Price-List")));
    });
    checks.check("metadata: getTableTypes", () -> equal(List.of("SYSTEM TABLE", "TABLE", "VIEW"), column("TABLE_TYPE", metadata.getTableTypes())));
    checks.check("metadata: getTables", () -> {
      try (ResultSet result = metadata.getTables("shop", "calendar", "%", null)) {
        equal(List.of("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS", "TYPE_CAT", "TYPE_SCHEM", "TYPE_NAME",
            "SELF_REFERENCING_COL_NAME", "REF_GENERATION"), Rows.labels(result));
        equal("[[shop, calendar, days, TABLE, null, null, null, null, null, null], "
            + "[shop, calendar, months, TABLE, null, null, null, null, null, null]]", Rows.all(result).toString());
      }
      equal(List.of("days"), column("TABLE_NAME", metadata.getTables("%", "calendar", "da_s", new String[] {"TABLE"})));
      equal(List.of("days"), column("TABLE_NAME", metadata.getTables(null, "calendar", "days", new String[] {"table", "VIEW"})));
      equal(List.of(), column("TABLE_NAME", metadata.getTables("shop", null, "%", new String[] {"VIEW"})));
      equal(List.of(), column("TABLE_NAME", metadata.getTables("", null, "%", null)));
      equal(List.of("domains", "products"), column("TABLE_NAME", metadata.getTables("mesh", "discovery", "%d%s", new String[] {"SYSTEM TABLE"})).stream()
          .filter(name -> name.equals("domains") || name.equals("products")).toList());
    });
    checks.check("metadata: an underscore after the escape is itself", () ->
        equal(List.of(), column("TABLE_NAME", metadata.getTables("shop", null, "da\\_s", null))));
    checks.driverLimit("metadata: an underscore after the escape in the name of a column", "the driver compares these names itself and knows no escape",
        () -> equal(List.of("order_id"), column("COLUMN_NAME", metadata.getColumns("shop", "orders", "orders", "order\\_id"))));
  }

  private void columns() {
    checks.check("metadata: getColumns", () -> {
      try (ResultSet result = metadata.getColumns("shop", "orders", "orders", "%")) {
        equal(List.of("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "BUFFER_LENGTH",
            "DECIMAL_DIGITS", "NUM_PREC_RADIX", "NULLABLE", "REMARKS", "COLUMN_DEF", "SQL_DATA_TYPE", "SQL_DATETIME_SUB", "CHAR_OCTET_LENGTH",
            "ORDINAL_POSITION", "IS_NULLABLE", "SCOPE_CATALOG", "SCOPE_SCHEMA", "SCOPE_TABLE", "SOURCE_DATA_TYPE", "IS_AUTOINCREMENT",
            "IS_GENERATEDCOLUMN"), Rows.labels(result));
        equal(List.of("order_id", "customer_id", "item_id", "quantity", "amount", "ordered_on", "note", "country"), Rows.column(result, "COLUMN_NAME"));
      }
      try (ResultSet amount = metadata.getColumns("shop", "orders", "orders", "amount")) {
        that(amount.next(), "no row");
        equal(Types.DECIMAL, amount.getInt("DATA_TYPE"));
        equal("DECIMAL", amount.getString("TYPE_NAME"));
        equal(12, amount.getInt("COLUMN_SIZE"));
        equal(2, amount.getInt("DECIMAL_DIGITS"));
        equal(5, amount.getInt("ORDINAL_POSITION"));
      }
    });
    checks.check("metadata: getColumns says what may be NULL", () -> {
      equal(List.of("NO", "NO", "NO", "NO", "NO", "NO", "YES", "NO"), column("IS_NULLABLE", metadata.getColumns("shop", "orders", "orders", "%")));
    });
    Checks.Body remarks = () -> equal(List.of("In Swiss francs."), column("REMARKS", metadata.getColumns("shop", "orders", "orders", "amount")));
    if (driver >= 18) {
      checks.check("metadata: getColumns has the contract's descriptions", remarks);
    } else {
      checks.driverLimit("metadata: getColumns has the contract's descriptions", "17.0.0 does not read ARROW:FLIGHT:SQL:REMARKS", remarks);
    }
    checks.check("metadata: getColumns of every type", () -> {
      try (ResultSet result = metadata.getColumns("shop", "kinds", "kinds", "%")) {
        equal("[INTEGER, BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, DECIMAL, DECIMAL, DATE, TIMESTAMP, TIMESTAMP WITH TIME ZONE, "
            + "VARCHAR, VARBINARY, ARRAY, STRUCT]", Rows.column(result, "TYPE_NAME").toString());
      }
    });
    checks.check("metadata: getColumns of a schema at once, as DBeaver asks", () -> {
      Set<String> tables = new HashSet<>(column("TABLE_NAME", metadata.getColumns("mesh", "discovery", "%", "%")));
      that(tables.containsAll(Set.of("products", "domains")), tables.toString());
    });
  }

  private void keys() {
    checks.check("metadata: getPrimaryKeys", () -> {
      try (ResultSet result = metadata.getPrimaryKeys("shop", "orders", "orders")) {
        equal(List.of("TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME"), Rows.labels(result));
        List<List<String>> rows = Rows.all(result);
        equal(1, rows.size());
        equal(List.of("shop", "orders", "orders", "order_id", "1"), rows.get(0).subList(0, 5));
      }
      equal(List.of(), column("COLUMN_NAME", metadata.getPrimaryKeys("shop", "calendar", "days")));
    });
    List<String> labels = List.of("PKTABLE_CAT", "PKTABLE_SCHEM", "PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_CAT", "FKTABLE_SCHEM", "FKTABLE_NAME",
        "FKCOLUMN_NAME", "KEY_SEQ", "UPDATE_RULE", "DELETE_RULE", "FK_NAME", "PK_NAME", "DEFERRABILITY");
    checks.check("metadata: foreign keys are answered, with no rows", () -> {
      equal(List.of(), Rows.all(metadata.getImportedKeys("shop", "orders", "orders")));
      equal(List.of(), Rows.all(metadata.getExportedKeys("shop", "orders", "orders")));
      equal(List.of(), Rows.all(metadata.getCrossReference("people", "customers", "customers", "shop", "orders", "orders")));
    });
    checks.driverLimit("metadata: the columns of getImportedKeys", Statements.NO_ROWS, () -> empty(metadata.getImportedKeys("shop", "orders", "orders"), labels));
    checks.driverLimit("metadata: the columns of getExportedKeys", Statements.NO_ROWS, () -> empty(metadata.getExportedKeys("shop", "orders", "orders"), labels));
    checks.driverLimit("metadata: the columns of getCrossReference", Statements.NO_ROWS, () ->
        empty(metadata.getCrossReference("people", "customers", "customers", "shop", "orders", "orders"), labels));
  }

  private void emptyListings() {
    checks.check("metadata: what a read-only mesh does not have is empty", () -> {
      for (ResultSet result : List.of(
          metadata.getProcedures(null, null, "%"), metadata.getProcedureColumns(null, null, "%", "%"),
          metadata.getFunctions(null, null, "%"), metadata.getFunctionColumns(null, null, "%", "%"),
          metadata.getColumnPrivileges("shop", "orders", "orders", "%"), metadata.getTablePrivileges("shop", "orders", "orders"),
          metadata.getBestRowIdentifier("shop", "orders", "orders", DatabaseMetaData.bestRowSession, true),
          metadata.getVersionColumns("shop", "orders", "orders"), metadata.getIndexInfo("shop", "orders", "orders", false, true),
          metadata.getUDTs(null, null, "%", null), metadata.getSuperTypes(null, null, "%"), metadata.getSuperTables(null, null, "%"),
          metadata.getAttributes(null, null, "%", "%"), metadata.getPseudoColumns(null, null, "%", "%"), metadata.getClientInfoProperties())) {
        equal(List.of(), Rows.all(result));
        result.close();
      }
    });
    checks.driverLimit("metadata: getTypeInfo", "the driver gives an empty result of its own and never sends GetXdbcTypeInfo",
        () -> that(!column("TYPE_NAME", metadata.getTypeInfo()).isEmpty(), "empty"));
  }

  private static List<String> column(String label, ResultSet result) throws SQLException {
    try (result) {
      return Rows.column(result, label);
    }
  }

  private static void empty(ResultSet result, List<String> labels) throws SQLException {
    try (result) {
      equal(labels, Rows.labels(result));
      equal(List.of(), Rows.all(result));
    }
  }
}

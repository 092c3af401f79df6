package samite;

import static samite.Checks.equal;
import static samite.Checks.that;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Every getter of DatabaseMetaData, answered from pg_catalog. */
final class PostgresqlMetadata {
  private final Checks checks;
  private final Connection connection;
  private final DatabaseMetaData metadata;

  PostgresqlMetadata(Connection connection, Checks checks) throws SQLException {
    this.connection = connection;
    this.checks = checks;
    this.metadata = connection.getMetaData();
  }

  void run() {
    Method[] methods = DatabaseMetaData.class.getMethods();
    Arrays.sort(methods, Comparator.comparing(Method::getName));
    for (Method method : methods) {
      if (method.getParameterCount() > 0) {
        continue;
      }
      Checks.Body body = () -> {
        if (call(method) instanceof ResultSet result) {
          Rows.all(result);
        }
      };
      if (method.getName().equals("getRowIdLifetime")) {
        checks.driverLimit("metadata: getRowIdLifetime answers", "the driver has none yet", body);
      } else {
        checks.check("metadata: " + method.getName() + " answers", body);
      }
    }
    listings();
    columns();
    keys();
    functions();
    others();
  }

  private Object call(Method method) throws Exception {
    try {
      return method.invoke(metadata);
    } catch (InvocationTargetException problem) {
      throw problem.getCause() instanceof Exception cause ? cause : problem;
    }
  }

  private void listings() {
    checks.check("metadata: getCatalogs", () -> {
      List<String> all = column("TABLE_CAT", metadata.getCatalogs());
      that(all.contains("shop"), all.toString());
    });
    checks.check("metadata: getSchemas", () -> {
      Set<String> all = new HashSet<>(column("TABLE_SCHEM", metadata.getSchemas()));
      that(all.containsAll(Set.of("orders", "orders@1", "Price-List", "information_schema", "pg_catalog")), all.toString());
      equal(List.of("orders", "orders@1", "orders@2"), column("TABLE_SCHEM", metadata.getSchemas("shop", "orders%")));
      equal(List.of("Price-List"), column("TABLE_SCHEM", metadata.getSchemas(null, "Price-List")));
    });
    checks.check("metadata: getTables", () -> {
      try (ResultSet result = metadata.getTables("shop", "calendar", "%", new String[] {"TABLE", "VIEW", "FOREIGN TABLE", "PARTITIONED TABLE", "MATERIALIZED VIEW"})) {
        List<List<String>> rows = Rows.all(result);
        equal(List.of("calendar", "days", "TABLE"), rows.get(0).subList(1, 4));
        equal(List.of("calendar", "months", "TABLE"), rows.get(1).subList(1, 4));
        equal(2, rows.size());
      }
      equal(List.of("days"), column("TABLE_NAME", metadata.getTables(null, "calendar", "da_s", null)));
      equal(List.of("orders"), column("TABLE_NAME", metadata.getTables(null, "orders", null, new String[] {"TABLE"})));
      that(column("TABLE_NAME", metadata.getTables(null, null, "%", null)).contains("pg_class"), "no pg_class");
      equal(List.of(), column("TABLE_NAME", metadata.getTables(null, "nothing", "%", null)));
    });
    checks.check("metadata: getTableTypes", () -> that(column("TABLE_TYPE", metadata.getTableTypes()).contains("TABLE"), "no TABLE"));
    checks.check("metadata: getTypeInfo", () -> {
      List<String> names = column("TYPE_NAME", metadata.getTypeInfo());
      that(names.containsAll(List.of("bool", "int4", "int8", "text", "numeric", "timestamptz", "_int8")), names.toString());
    });
  }

  private void columns() {
    checks.check("metadata: getColumns", () -> {
      try (ResultSet result = metadata.getColumns(null, "orders", "orders", null)) {
        List<List<String>> rows = Rows.all(result);
        equal(List.of("order_id", "customer_id", "item_id", "quantity", "amount", "ordered_on", "note", "country"), rows.stream().map(row -> row.get(3)).toList());
        equal(List.of("int8", "int4", "int4", "int4", "numeric", "date", "text", "text"), rows.stream().map(row -> row.get(5)).toList());
      }
      try (ResultSet result = metadata.getColumns("shop", "orders", "orders", "amount")) {
        that(result.next(), "no row");
        equal(Types.NUMERIC, result.getInt("DATA_TYPE"));
        equal(12, result.getInt("COLUMN_SIZE"));
        equal(2, result.getInt("DECIMAL_DIGITS"));
        equal(DatabaseMetaData.columnNoNulls, result.getInt("NULLABLE"));
        equal("In Swiss francs.", result.getString("REMARKS"));
        equal(5, result.getInt("ORDINAL_POSITION"));
        equal("NO", result.getString("IS_AUTOINCREMENT"));
        equal(null, result.getString("COLUMN_DEF"));
        that(!result.next(), "another row");
      }
      that(column("COLUMN_NAME", metadata.getColumns(null, "%", "%", "%")).size() > 50, "few columns");
      equal(List.of("Price"), column("COLUMN_NAME", metadata.getColumns(null, "Price-List", "Prices", "%")));
    });
    checks.check("metadata: of a result: its table, and what may be NULL", () -> {
      try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("SELECT order_id, amount AS a FROM orders.orders LIMIT 1")) {
        ResultSetMetaData about = result.getMetaData();
        equal(List.of("order_id", "a"), Rows.labels(result));
        equal("order_id", about.getColumnName(1));
        equal(12, about.getPrecision(2));
        equal(2, about.getScale(2));
        for (int n = 1; n <= 2; n++) {
          about.getTableName(n);
          about.getSchemaName(n);
          about.getCatalogName(n);
          about.isNullable(n);
          about.isAutoIncrement(n);
          about.getColumnClassName(n);
          about.getColumnDisplaySize(n);
          about.isSigned(n);
          about.isSearchable(n);
          about.isWritable(n);
        }
      }
    });
  }

  private void keys() {
    checks.check("metadata: getPrimaryKeys", () -> {
      try (ResultSet result = metadata.getPrimaryKeys(null, "orders", "orders")) {
        that(result.next(), "no row");
        equal("order_id", result.getString("COLUMN_NAME"));
        equal(1, result.getInt("KEY_SEQ"));
        that(!result.next(), "another row");
      }
      equal(List.of(), column("COLUMN_NAME", metadata.getPrimaryKeys(null, "calendar", "days")));
    });
    checks.check("metadata: getImportedKeys, getExportedKeys, getCrossReference", () -> {
      column("FKCOLUMN_NAME", metadata.getImportedKeys(null, "orders", "orders"));
      column("FKCOLUMN_NAME", metadata.getExportedKeys("shop", "orders", "orders"));
      column("FKCOLUMN_NAME", metadata.getCrossReference(null, "orders", "orders", null, "orders", "orders"));
    });
    checks.check("metadata: getIndexInfo", () -> {
      for (boolean unique : new boolean[] {true, false}) {
        column("COLUMN_NAME", metadata.getIndexInfo(null, "orders", "orders", unique, true));
      }
    });
    checks.check("metadata: getPrimaryUniqueKeys", () -> column("COLUMN_NAME", metadata.getBestRowIdentifier(null, "orders", "orders", DatabaseMetaData.bestRowSession, false)));
    checks.check("metadata: getVersionColumns", () -> column("COLUMN_NAME", metadata.getVersionColumns(null, "orders", "orders")));
  }

  private void functions() {
    checks.check("metadata: getFunctions and getFunctionColumns", () -> {
      column("FUNCTION_NAME", metadata.getFunctions(null, null, "%"));
      column("FUNCTION_NAME", metadata.getFunctions("shop", "pg_catalog", "l%"));
      column("COLUMN_NAME", metadata.getFunctionColumns(null, null, "%", "%"));
    });
    checks.check("metadata: getProcedures and getProcedureColumns", () -> {
      column("PROCEDURE_NAME", metadata.getProcedures(null, null, "%"));
      column("COLUMN_NAME", metadata.getProcedureColumns(null, null, "%", "%"));
    });
    checks.check("metadata: getUDTs", () -> column("TYPE_NAME", metadata.getUDTs(null, null, "%", null)));
  }

  private void others() {
    checks.check("metadata: getTablePrivileges and getColumnPrivileges", () -> {
      column("PRIVILEGE", metadata.getTablePrivileges(null, "orders", "orders"));
      column("PRIVILEGE", metadata.getColumnPrivileges(null, "orders", "orders", "%"));
    });
    checks.check("metadata: getClientInfoProperties", () -> that(column("NAME", metadata.getClientInfoProperties()).contains("ApplicationName"), "no ApplicationName"));
    checks.check("metadata: who answers", () -> {
      equal("PostgreSQL", metadata.getDatabaseProductName());
      that(metadata.getDatabaseProductVersion().contains("Samite"), metadata.getDatabaseProductVersion());
      equal(16, metadata.getDatabaseMajorVersion());
      that(metadata.getURL().startsWith("jdbc:postgresql:"), metadata.getURL());
    });
    checks.check("metadata: limits", () -> {
      equal(63, metadata.getMaxColumnNameLength());
      that(metadata.getSQLKeywords().contains("analyze"), metadata.getSQLKeywords());
    });
  }

  private static List<String> column(String label, ResultSet rows) throws SQLException {
    try (ResultSet result = rows) {
      return Rows.column(result, label);
    }
  }
}

package samite;

import java.sql.Array;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Results as lists of text, for comparing. */
final class Rows {
  private Rows() {}

  /** Every row of a statement. */
  static List<List<String>> of(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      return all(result);
    }
  }

  /** The first column of the first row. */
  static String one(Connection connection, String sql) throws SQLException {
    return of(connection, sql).get(0).get(0);
  }

  /** The value of a setting. */
  static String setting(Connection connection, String name) throws SQLException {
    return of(connection, "SHOW " + name).get(0).get(1);
  }

  /** Every row that is left. */
  static List<List<String>> all(ResultSet result) throws SQLException {
    List<List<String>> rows = new ArrayList<>();
    while (result.next()) {
      List<String> row = new ArrayList<>();
      for (int column = 1; column <= result.getMetaData().getColumnCount(); column++) {
        row.add(text(result.getObject(column)));
      }
      rows.add(row);
    }
    return rows;
  }

  /** One column of every row that is left. */
  static List<String> column(ResultSet result, String label) throws SQLException {
    List<String> values = new ArrayList<>();
    while (result.next()) {
      values.add(text(result.getObject(label)));
    }
    return values;
  }

  /** The labels of the columns. */
  static List<String> labels(ResultSet result) throws SQLException {
    List<String> labels = new ArrayList<>();
    for (int column = 1; column <= result.getMetaData().getColumnCount(); column++) {
      labels.add(result.getMetaData().getColumnLabel(column));
    }
    return labels;
  }

  /** A value as text, bytes and arrays by what they hold. */
  static String text(Object value) throws SQLException {
    if (value instanceof byte[] bytes) {
      return Arrays.toString(bytes);
    }
    if (value instanceof Array array) {
      return Arrays.deepToString((Object[]) array.getArray());
    }
    return String.valueOf(value);
  }
}

package samite;

import java.sql.SQLException;
import java.util.Objects;

/** Runs checks one by one, prints a line for each, and counts them. */
final class Checks {
  /** What one check does; it fails by throwing. */
  interface Body {
    void run() throws Exception;
  }

  private int passed;
  private int failed;
  private int faults;

  /** Holds today. */
  void check(String name, Body body) {
    Throwable problem = problemOf(body);
    if (problem == null) {
      passed++;
      line("ok", name, "");
    } else {
      failed++;
      line("FAILED", name, text(problem));
    }
  }

  /** What the driver itself cannot do, and why. Fails once it can, so that no limit outlives its reason. */
  void driverLimit(String name, String reason, Body body) {
    if (expectProblem(name, body)) {
      passed++;
      line("limit", name, reason);
    }
  }

  /** What the server does wrong today. Fails once it is right, so that the fault is taken off the list. */
  void serverFault(String name, String reason, Body body) {
    if (expectProblem(name, body)) {
      faults++;
      line("fault", name, reason);
    }
  }

  /** Says what was counted; whether all is well. */
  boolean report() {
    System.out.printf("%d passed, %d failed, %d skipped%n", passed, failed, faults);
    return failed == 0;
  }

  static void equal(Object expected, Object found) {
    if (!Objects.equals(expected, found)) {
      throw new AssertionError("expected " + expected + ", found " + found);
    }
  }

  static void that(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  /** The refusal that a body must end with; each of the words is in its text. */
  static SQLException refused(Body body, String... words) throws Exception {
    try {
      body.run();
    } catch (SQLException refusal) {
      for (String word : words) {
        that(text(refusal).contains(word), "\"" + word + "\" is not in: " + text(refusal));
      }
      return refusal;
    }
    throw new AssertionError("was not refused");
  }

  private boolean expectProblem(String name, Body body) {
    if (problemOf(body) != null) {
      return true;
    }
    failed++;
    line("FAILED", name, "works now: make it a plain check");
    return false;
  }

  private static Throwable problemOf(Body body) {
    try {
      body.run();
      return null;
    } catch (Throwable problem) {
      return problem;
    }
  }

  private static String text(Throwable problem) {
    Throwable cause = problem.getCause();
    return problem + (cause == null ? "" : "; caused by " + cause);
  }

  private static void line(String outcome, String name, String more) {
    System.out.printf("%-7s %s%s%n", outcome, name, more.isEmpty() ? "" : ": " + more.replaceAll("\\s+", " "));
  }
}

package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	_ "github.com/jackc/pgx/v5/stdlib"
)

// postgresql asks the PostgreSQL listener through pgx, in each of its ways to ask, and through database/sql.
func postgresql(server string) {
	url := "postgres://anna@" + server + "/shop"
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		connection, problem := pgx.Connect(ctx, url+"?default_query_exec_mode="+mode)
		if problem != nil {
			check("pgx: "+mode+" connects", func() error { return problem })
			continue
		}
		pgxValues("pgx: "+mode+": ", connection)
		_ = connection.Close(ctx)
	}
	connection, problem := pgx.Connect(ctx, url)
	if problem != nil {
		check("pgx: connects", func() error { return problem })
		return
	}
	pgxStatements(connection)
	_ = connection.Close(ctx)
	databaseSQL(url)
	pgxLogins(os.Getenv("SAMITE_LOGIN_POSTGRESQL"), os.Getenv("SAMITE_LOGIN_CA"), os.Getenv("SAMITE_LOGIN_TOKEN"))
}

func pgxValues(name string, connection *pgx.Conn) {
	check(name+"every type is read", func() error {
		rows, problem := connection.Query(ctx, "SELECT true, CAST(1 AS SMALLINT), CAST(-2 AS INT), 9007199254740993, CAST(1.5 AS REAL), 1e300, 'ä', X'00ff', "+
			"DATE '2024-02-29', TIMESTAMP '2024-02-29 01:02:03.000004', CAST('2024-02-29T01:02:03Z' AS TIMESTAMP WITH TIME ZONE), "+
			"CAST(NULL AS INT), named_struct('a', 1)")
		if problem != nil {
			return problem
		}
		defer rows.Close()
		if !rows.Next() {
			return errors.Join(errors.New("no row"), rows.Err())
		}
		values, problem := rows.Values()
		if problem != nil {
			return problem
		}
		// An instant is shown in the zone of the machine.
		values[10] = values[10].(time.Time).UTC()
		return equal("[true 1 -2 9007199254740993 1.5 1e+300 ä [0 255] 2024-02-29 00:00:00 +0000 UTC 2024-02-29 01:02:03.000004 +0000 UTC "+
			"2024-02-29 01:02:03 +0000 UTC <nil> map[a:1]]", values)
	})
	check(name+"decimals, times, intervals and arrays are read", func() error {
		var decimal pgtype.Numeric
		var at pgtype.Time
		var span pgtype.Interval
		var numbers []*int64
		var words []string
		var days []time.Time
		if problem := connection.QueryRow(ctx, "SELECT CAST(-12.50 AS DECIMAL(10, 2)), TIME '01:02:03.5', INTERVAL '1 month 3 days 4 hours', "+
			"[1, NULL, 3], ['a', '', 'x \"y\"'], [DATE '2024-02-29']").Scan(&decimal, &at, &span, &numbers, &words, &days); problem != nil {
			return problem
		}
		return errors.Join(equal("-1250 e-2", fmt.Sprintf("%v e%d", decimal.Int, decimal.Exp)), equal(3723500000, at.Microseconds),
			equal("1 3 14400000000", fmt.Sprint(span.Months, span.Days, span.Microseconds)), equal(3, len(numbers)), equal(true, numbers[1] == nil),
			equal(`["a" "" "x \"y\""]`, fmt.Sprintf("%q", words)), equal("2024-02-29", days[0].Format(time.DateOnly)))
	})
	check(name+"values of every type are bound", func() error {
		for kind, value := range map[string]any{"INT": int32(7), "BIGINT": int64(1) << 40, "DOUBLE": 1.5, "TEXT": "ä'", "BOOLEAN": true,
			"BYTEA": []byte{0, 255}, "DATE": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), "TIMESTAMP": time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC)} {
			var found any
			if problem := connection.QueryRow(ctx, "SELECT CAST($1 AS "+kind+")", value).Scan(&found); problem != nil {
				return fmt.Errorf("%s: %w", kind, problem)
			}
			if problem := equal(value, found); problem != nil {
				return fmt.Errorf("%s: %w", kind, problem)
			}
		}
		return nil
	})
	check(name+"values filter a table", func() error {
		for range 3 {
			var found int
			if problem := connection.QueryRow(ctx, "SELECT count(*) FROM orders.orders WHERE order_id < $1 AND country = $2 AND ordered_on >= $3", 500, "SE",
				time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)).Scan(&found); problem != nil {
				return problem
			}
			if found == 0 {
				return errors.New("no row")
			}
		}
		return nil
	})
}

func pgxStatements(connection *pgx.Conn) {
	check("pgx: a list of values", func() error {
		var found int
		problem := connection.QueryRow(ctx, "SELECT count(*) FROM orders.orders WHERE order_id = ANY ($1)", []int64{1, 2, 5000}).Scan(&found)
		return errors.Join(problem, equal(2, found))
	})
	check("pgx: a decimal is bound", func() error {
		var found pgtype.Numeric
		wanted := pgtype.Numeric{Int: big.NewInt(-1250), Exp: -2, Valid: true}
		problem := connection.QueryRow(ctx, "SELECT CAST($1 AS DECIMAL(10, 2))", wanted).Scan(&found)
		return errors.Join(problem, equal(wanted, found))
	})
	check("pgx: many rows", func() error {
		rows, _ := connection.Query(ctx, "SELECT value FROM generate_series(1, 200000) t(value)")
		numbers, problem := pgx.CollectRows(rows, pgx.RowTo[int64])
		return errors.Join(problem, equal(200000, len(numbers)))
	})
	check("pgx: rows as structs, by the names of columns", func() error {
		type sum struct {
			Country string
			Orders  int64
		}
		rows, _ := connection.Query(ctx, "SELECT country, count(*) AS orders FROM orders.orders GROUP BY country ORDER BY 1")
		sums, problem := pgx.CollectRows(rows, pgx.RowToStructByName[sum])
		return errors.Join(problem, equal("[{CH 334} {DE 333} {SE 333}]", sums))
	})
	check("pgx: a batch", func() error {
		batch := &pgx.Batch{}
		for number := range 50 {
			batch.Queue("SELECT $1::int + 1", number)
		}
		results := connection.SendBatch(ctx, batch)
		for number := range 50 {
			var found int
			if problem := results.QueryRow().Scan(&found); problem != nil {
				return problem
			}
			if problem := equal(number+1, found); problem != nil {
				return problem
			}
		}
		return results.Close()
	})
	check("pgx: a prepared statement", func() error {
		description, problem := connection.Prepare(ctx, "named", "SELECT order_id, amount FROM orders.orders WHERE order_id = $1")
		if problem != nil {
			return problem
		}
		var id int64
		var amount pgtype.Numeric
		problem = connection.QueryRow(ctx, "named", 7).Scan(&id, &amount)
		return errors.Join(problem, equal(7, id), equal("[20]", description.ParamOIDs), connection.Deallocate(ctx, "named"))
	})
	check("pgx: a transaction, nested", func() error {
		return pgx.BeginTxFunc(ctx, connection, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.ReadCommitted}, func(outer pgx.Tx) error {
			inner, problem := outer.Begin(ctx)
			if problem != nil {
				return problem
			}
			if _, problem := inner.Exec(ctx, "SELECT nope"); problem == nil {
				return errors.New("was not refused")
			}
			if problem := inner.Rollback(ctx); problem != nil {
				return problem
			}
			var one int
			return errors.Join(outer.QueryRow(ctx, "SELECT 1").Scan(&one), equal(1, one))
		})
	})
	check("pgx: an error has its code", func() error {
		_, problem := connection.Exec(ctx, "SELECT * FROM orders.order")
		var about *pgconn.PgError
		if !errors.As(problem, &about) {
			return fmt.Errorf("%v has no code", problem)
		}
		return equal("42P01", about.Code)
	})
	check("pgx: a context that ends cancels", func() error {
		limited, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		own, problem := pgx.Connect(ctx, connection.Config().ConnString())
		if problem != nil {
			return problem
		}
		_, problem = own.Exec(limited, endless)
		return errors.Join(refused(problem), equal(true, errors.Is(problem, context.DeadlineExceeded)))
	})
	check("pgx: CopyFrom is refused", func() error {
		_, problem := connection.CopyFrom(ctx, pgx.Identifier{"orders", "orders"}, []string{"order_id"}, pgx.CopyFromRows([][]any{{int64(1)}}))
		return refused(problem, "0A000")
	})
	check("pgx: COPY to a writer", func() error {
		var text bytes.Buffer
		tag, problem := connection.PgConn().CopyTo(ctx, &text, "COPY (SELECT order_id, country FROM orders.orders ORDER BY 1) TO STDOUT (FORMAT csv, HEADER)")
		if problem != nil {
			return problem
		}
		return errors.Join(equal("COPY 1000", tag), equal(true, strings.HasPrefix(text.String(), "order_id,country\n0,CH\n")), equal(1001, strings.Count(text.String(), "\n")))
	})
}

func databaseSQL(url string) {
	database, problem := sql.Open("pgx", url)
	if problem != nil {
		check("database/sql with pgx: opens", func() error { return problem })
		return
	}
	defer func() { _ = database.Close() }()
	check("database/sql with pgx: ping, query, prepared", func() error {
		if problem := database.PingContext(ctx); problem != nil {
			return problem
		}
		statement, problem := database.PrepareContext(ctx, "SELECT count(*) FROM orders.orders WHERE country = $1")
		if problem != nil {
			return problem
		}
		defer func() { _ = statement.Close() }()
		for range 3 {
			var found int
			if problem := errors.Join(statement.QueryRowContext(ctx, "SE").Scan(&found), equal(333, found)); problem != nil {
				return problem
			}
		}
		return nil
	})
	check("database/sql with pgx: types of columns", func() error {
		rows, problem := database.QueryContext(ctx, "SELECT order_id, amount, ordered_on, note FROM orders.orders ORDER BY order_id LIMIT 1")
		if problem != nil {
			return problem
		}
		defer func() { _ = rows.Close() }()
		types, problem := rows.ColumnTypes()
		var names []string
		for _, kind := range types {
			names = append(names, kind.DatabaseTypeName())
		}
		precision, scale, _ := types[1].DecimalSize()
		return errors.Join(problem, equal("[INT8 NUMERIC DATE TEXT]", names), equal("12 2", fmt.Sprint(precision, scale)))
	})
	check("database/sql with pgx: a transaction that only reads", func() error {
		transaction, problem := database.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelReadCommitted})
		if problem != nil {
			return problem
		}
		var one int
		return errors.Join(transaction.QueryRow("SELECT 1").Scan(&one), equal(1, one), transaction.Commit())
	})
	check("database/sql with pgx: a write is refused", func() error {
		_, problem := database.ExecContext(ctx, "INSERT INTO orders.orders VALUES (1)")
		return refused(problem, "0A000")
	})
}

// pgxLogins asks a server with TLS and logins.
func pgxLogins(server, authority, token string) {
	login := func(user, password, more string) error {
		connection, problem := pgx.Connect(ctx, fmt.Sprintf("host=%s port=%s dbname=shop user=%s password='%s' sslmode=verify-full sslrootcert=%s %s",
			server[:strings.LastIndex(server, ":")], server[strings.LastIndex(server, ":")+1:], user, strings.ReplaceAll(password, "'", `\'`), authority, more))
		if problem != nil {
			return problem
		}
		defer func() { _ = connection.Close(ctx) }()
		var caller string
		problem = connection.QueryRow(ctx, "SELECT current_user").Scan(&caller)
		if user == "token" {
			user = "bert"
		}
		return errors.Join(problem, equal(user, caller))
	}
	check("pgx: login by user and password over TLS", func() error { return login("anna", "it's; 1=1 & 100%", "") })
	check("pgx: login by TLS without asking for it first", func() error { return login("anna", "it's; 1=1 & 100%", "sslnegotiation=direct") })
	check("pgx: login by token", func() error { return login("token", token, "") })
	check("pgx: login refused with a wrong password", func() error { return refused(login("anna", "wrong", ""), "28P01") })
}

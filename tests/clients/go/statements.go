package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-adbc/go/adbc"
	_ "github.com/apache/arrow-adbc/go/adbc/sqldriver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
)

const endless = "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000) b WHERE a.value % 7 = b.value % 11"

var ctx = context.Background()

// rows are all rows of a statement, as text.
func rows(source interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, query string, parameters ...any) ([]string, error) {
	result, problem := source.QueryContext(ctx, query, parameters...)
	if problem != nil {
		return nil, problem
	}
	return drain(result)
}

func drain(result *sql.Rows) ([]string, error) {
	defer func() { _ = result.Close() }()
	columns, problem := result.Columns()
	if problem != nil {
		return nil, problem
	}
	var found []string
	for result.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for n := range values {
			places[n] = &values[n]
		}
		if problem := result.Scan(places...); problem != nil {
			return nil, problem
		}
		found = append(found, strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
	}
	return found, result.Err()
}

// prepared are all rows of a statement that is prepared first, as text.
func prepared(db *sql.DB, query string, parameters ...any) ([]string, error) {
	statement, problem := db.Prepare(query)
	if problem != nil {
		return nil, problem
	}
	defer func() { _ = statement.Close() }()
	result, problem := statement.Query(parameters...)
	if problem != nil {
		return nil, problem
	}
	return drain(result)
}

// answers says that a statement has this one row.
func answers(db *sql.DB, expected, query string, parameters ...any) error {
	found, problem := []string(nil), error(nil)
	if len(parameters) > 0 {
		found, problem = prepared(db, query, parameters...)
	} else {
		found, problem = rows(db, query)
	}
	if problem != nil {
		return problem
	}
	return equal([]string{expected}, found)
}

func open(uri, more string) *sql.DB {
	db, problem := sql.Open("flightsql", "uri="+uri+more)
	if problem != nil {
		panic(problem)
	}
	return db
}

// statements asks through database/sql.
func statements(uri string) {
	db := open(uri, "")
	defer func() { _ = db.Close() }()
	connecting(db, uri)
	types(db)
	parameters(db)
	stopping(db)
	refusals(db)
}

func connecting(db *sql.DB, uri string) {
	check("connect: ping", db.Ping)
	check("connect: user and password", func() error {
		named := open(uri, ";username=ines;password=secret")
		defer func() { _ = named.Close() }()
		return answers(named, "1", "SELECT 1")
	})
	check("connect: a header with every call", func() error {
		named := open(uri, ";adbc.flight.sql.rpc.call_header.x-mesh-purpose=test")
		defer func() { _ = named.Close() }()
		return answers(named, "1", "SELECT 1")
	})
	check("connect: many goroutines on one pool", func() error {
		var wait sync.WaitGroup
		problems := make([]error, 32)
		for n := range problems {
			wait.Go(func() { problems[n] = answers(db, fmt.Sprint(n), fmt.Sprintf("SELECT %d", n)) })
		}
		wait.Wait()
		return errors.Join(problems...)
	})
	check("session: SET holds for a connection", func() error {
		one, problem := db.Conn(ctx)
		if problem != nil {
			return problem
		}
		defer func() { _ = one.Close() }()
		if _, problem := one.ExecContext(ctx, "USE shop.calendar"); problem != nil {
			return problem
		}
		found, problem := rows(one, "SELECT count(*) FROM days")
		if problem != nil {
			return problem
		}
		return equal([]string{"31"}, found)
	})
	check("transaction: Begin is refused", func() error {
		_, problem := db.Begin()
		return refused(problem)
	})
}

func types(db *sql.DB) {
	for query, expected := range map[string]string{
		"true": "true", "arrow_cast(-7, 'Int8')": "-7", "arrow_cast(-7, 'Int16')": "-7", "arrow_cast(-7, 'Int32')": "-7",
		"-9223372036854775808": "-9223372036854775808", "arrow_cast(255, 'UInt8')": "255", "arrow_cast(18446744073709551615, 'UInt64')": "18446744073709551615",
		"arrow_cast(1.5, 'Float16')": "1.5", "arrow_cast(1.5, 'Float32')": "1.5", "1.5e0": "1.5",
		"DATE '2026-11-21'": "2026-11-21 00:00:00 +0000 UTC", "TIMESTAMP '2026-11-21 13:14:15.678901'": "2026-11-21 13:14:15.678901 +0000 UTC",
		"TIMESTAMP '2026-11-21 13:14:15' AT TIME ZONE 'UTC'": "2026-11-21 13:14:15 +0000 UTC", "TIME '13:14:15'": "1970-01-01 13:14:15 +0000 UTC",
		"'Zürich 🎵'": "Zürich 🎵", "arrow_cast('x', 'LargeUtf8')": "x", "arrow_cast('x', 'Utf8View')": "x", "arrow_cast('x', 'Dictionary(Int32, Utf8)')": "x",
		"X'00FF'": "[0 255]", "[1, NULL, 3]": "", "{'a': 1}": "", "CAST(NULL AS INTEGER)": "<nil>", "count(*)": "1",
	} {
		check("type: "+query, func() error {
			if expected == "" { // how the driver writes nested values is its own
				found, problem := rows(db, "SELECT "+query)
				return errors.Join(problem, equal(1, len(found)))
			}
			return answers(db, expected, "SELECT "+query)
		})
	}
	driverLimit("type: NULL without a type", "the driver has no value for Arrow's null", func() error { return answers(db, "<nil>", "SELECT NULL") })
	check("type: a decimal is its digits and its places", func() error {
		result, problem := db.Query("SELECT CAST('7.10' AS DECIMAL(10,2)) AS v")
		if problem != nil {
			return problem
		}
		defer func() { _ = result.Close() }()
		about, problem := result.ColumnTypes()
		if problem != nil {
			return problem
		}
		return equal("decimal(10, 2)", about[0].DatabaseTypeName())
	})
	check("type: every column of a file", func() error {
		found, problem := rows(db, "SELECT * FROM shop.kinds.kinds")
		return errors.Join(problem, equal(3, len(found)))
	})
	check("statement: half a million rows", func() error {
		found, problem := rows(db, "SELECT value FROM generate_series(1, 500000)")
		return errors.Join(problem, equal(500000, len(found)))
	})
	check("statement: no rows keep their columns", func() error {
		result, problem := db.Query("SELECT * FROM shop.orders.orders LIMIT 0")
		if problem != nil {
			return problem
		}
		columns, problem := result.Columns()
		return errors.Join(problem, equal(8, len(columns)), result.Close())
	})
}

func parameters(db *sql.DB) {
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for condition, value := range map[string]any{
		"flag = ?": true, "tiny = ?": int8(7), "small = ?": int16(7), "whole = ?": int32(7), "large = ?": int64(7), "single = ?": float32(7.25),
		"double = ?": 7.125, "day = ?": arrow.Date32FromTime(day), "text = ?": "Zürich 🎵", "bytes = ?": []byte{0, 255},
	} {
		check("parameter: "+condition, func() error { return answers(db, "2", "SELECT id FROM shop.kinds.kinds WHERE "+condition, value) })
	}
	check("parameter: a place without a type", func() error { return answers(db, "Zürich 41", "SELECT ?, ?", "Zürich", int64(41)) })
	check("parameter: numbered", func() error { return answers(db, "x 1", "SELECT $2, $1", int64(1), "x") })
	driverLimit("parameter: a time.Time", "the driver takes its own arrow.Date32 and arrow.Timestamp alone", func() error {
		return answers(db, "2", "SELECT id FROM shop.kinds.kinds WHERE day = ?", day)
	})
	driverLimit("parameter: an arrow.Timestamp", "the driver forgets the type of the place when it makes the array", func() error {
		return answers(db, "2", "SELECT id FROM shop.kinds.kinds WHERE local_time > ?", arrow.Timestamp(day.UnixMicro()))
	})
	driverLimit("parameter: NULL", "the driver has no array for a nil", func() error { return answers(db, "<nil>", "SELECT ?", nil) })
	driverLimit("parameter: without Prepare", "the driver binds to a statement that it has not prepared", func() error {
		found, problem := rows(db, "SELECT count(*) FROM shop.orders.orders WHERE order_id < ?", int64(30))
		return errors.Join(problem, equal([]string{"30"}, found))
	})
	driverLimit("parameter: bound again", "closing rows closes the driver's statement; through ADBC itself it works", func() error {
		statement, problem := db.Prepare("SELECT count(*) FROM shop.orders.orders WHERE order_id < ?")
		if problem != nil {
			return problem
		}
		defer func() { _ = statement.Close() }()
		for n := range int64(5) {
			var found int64
			if problem := errors.Join(statement.QueryRow(n*30).Scan(&found), equal(n*30, found)); problem != nil {
				return problem
			}
		}
		return nil
	})
	check("parameter: one that is missing is refused", func() error {
		_, problem := prepared(db, "SELECT * FROM shop.orders.orders WHERE order_id = ? AND country = ?", int64(1))
		return refused(problem)
	})
	check("parameter: one too many is refused", func() error {
		_, problem := prepared(db, "SELECT * FROM shop.orders.orders WHERE order_id = ?", int64(1), int64(2))
		return refused(problem)
	})
}

func stopping(db *sql.DB) {
	check("cancel: a context that is cancelled ends a statement", func() error {
		limited, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		began := time.Now()
		result, problem := db.QueryContext(limited, endless)
		if problem == nil {
			_, problem = drain(result)
		}
		if took := time.Since(began); took > 10*time.Second {
			return fmt.Errorf("took %s", took)
		}
		return refused(problem)
	})
	check("cancel: what was stopped does not run on", func() error {
		running := "SELECT count(*) FROM mesh.runtime.queries WHERE state = 'running' AND sql LIKE 'SELECT count(*) FROM generate_series%'"
		problem := answers(db, "0", running)
		for n := 0; n < 50 && problem != nil; n++ {
			time.Sleep(100 * time.Millisecond)
			problem = answers(db, "0", running)
		}
		return problem
	})
	check("cancel: closing early keeps the connection", func() error {
		result, problem := db.Query("SELECT value FROM generate_series(1, 500000)")
		if problem != nil {
			return problem
		}
		result.Next()
		return errors.Join(result.Close(), answers(db, "1", "SELECT 1"))
	})
}

func refusals(db *sql.DB) {
	for query, expected := range map[string]struct {
		status adbc.Status
		word   string
	}{
		"SELECT * FROM shop.orders.order":                     {adbc.StatusNotFound, "does not exist"},
		"SELECT amont FROM shop.orders.orders":                {adbc.StatusInvalidArgument, "amont"},
		"SELECT 1 FROM":                                       {adbc.StatusInvalidArgument, "syntax"},
		"SELECT 1 / (order_id - 999) FROM shop.orders.orders": {adbc.StatusInvalidArgument, "zero"},
		"INSERT INTO shop.orders.orders VALUES (1)":           {adbc.StatusNotImplemented, "read-only"},
		"SET nothing = 1":                                     {adbc.StatusInvalidArgument, "nothing"},
	} {
		check("error: "+query, func() error {
			_, problem := rows(db, query)
			var told adbc.Error
			if errors.As(problem, &told) && told.Code != expected.status {
				return fmt.Errorf("expected %s, found %s", expected.status, told.Code)
			}
			return refused(problem, expected.word)
		})
	}
	check("error: Exec of a write", func() error {
		_, problem := db.Exec("DELETE FROM shop.orders.orders")
		return refused(problem, "read-only")
	})
}

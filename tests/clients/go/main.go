// Asks a samite server over the sample mesh through the ADBC driver for Go, and through pgx: tests/run go.
//
//	go run . grpc://127.0.0.1:32010 127.0.0.1:5432
//
// One line for each check; ends with 1 if one failed. main.go runs checks, statements.go asks through database/sql,
// metadata.go through ADBC itself, logins.go a second server that the environment names, postgresql.go the PostgreSQL listener.
package main

import (
	"fmt"
	"os"
	"regexp"
)

var passed, failed, faults int

// check holds today.
func check(name string, body func() error) {
	if problem := body(); problem != nil {
		failed++
		line("FAILED", name, problem.Error())
		return
	}
	passed++
	line("ok", name, "")
}

// driverLimit is what the driver itself cannot do, and why. It fails once it can, so that no limit outlives its reason.
func driverLimit(name, reason string, body func() error) {
	if expectProblem(name, body) {
		passed++
		line("limit", name, reason)
	}
}

// serverFault is what the server does wrong today. It fails once it is right, so that the fault is taken off the list.
func serverFault(name, reason string, body func() error) {
	if expectProblem(name, body) {
		faults++
		line("fault", name, reason)
	}
}

func expectProblem(name string, body func() error) bool {
	if body() != nil {
		return true
	}
	failed++
	line("FAILED", name, "works now: make it a plain check")
	return false
}

func equal(expected, found any) error {
	if fmt.Sprint(expected) != fmt.Sprint(found) {
		return fmt.Errorf("expected %v, found %v", expected, found)
	}
	return nil
}

// refused says that a problem was met, and that each of the words is in its text.
func refused(problem error, words ...string) error {
	if problem == nil {
		return fmt.Errorf("was not refused")
	}
	for _, word := range words {
		if !regexp.MustCompile(regexp.QuoteMeta(word)).MatchString(problem.Error()) {
			return fmt.Errorf("%q is not in: %w", word, problem)
		}
	}
	return nil
}

var spaces = regexp.MustCompile(`\s+`)

func line(outcome, name, more string) {
	if more != "" {
		more = ": " + spaces.ReplaceAllString(more, " ")
	}
	fmt.Printf("%-7s %s%s\n", outcome, name, more)
}

func main() {
	statements(os.Args[1])
	metadata(os.Args[1])
	logins(os.Getenv("SAMITE_LOGIN_URI"), os.Getenv("SAMITE_LOGIN_CA"), os.Getenv("SAMITE_LOGIN_TOKEN"))
	postgresql(os.Args[2])
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, faults)
	if failed > 0 {
		os.Exit(1)
	}
}

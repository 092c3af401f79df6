package main

import (
	"errors"
	"os"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// logins asks a server with TLS and logins.
func logins(uri, authority, token string) {
	certificates, problem := os.ReadFile(authority)
	if problem != nil {
		panic(problem)
	}
	with := func(more map[string]string) map[string]string {
		options := map[string]string{adbc.OptionKeyURI: uri, flightsql.OptionSSLRootCerts: string(certificates)}
		for name, value := range more {
			options[name] = value
		}
		return options
	}
	anna := map[string]string{adbc.OptionKeyUsername: "anna", adbc.OptionKeyPassword: "it's; 1=1 & 100%"}
	check("login: user and password", func() error { return calledAs("anna", with(anna)) })
	check("login: token", func() error {
		return calledAs("bert", with(map[string]string{flightsql.OptionAuthorizationHeader: "Bearer " + token}))
	})
	for name, wrong := range map[string]map[string]string{
		"a wrong password": {adbc.OptionKeyUsername: "anna", adbc.OptionKeyPassword: "wrong"},
		"a wrong token":    {flightsql.OptionAuthorizationHeader: "Bearer abc"},
		"nothing":          {},
	} {
		check("login: refused with "+name, func() error { return refused(calledAs("", with(wrong)), "Unauthenticated") })
	}
	check("login: a certificate of an unknown authority is refused", func() error {
		options := with(anna)
		delete(options, flightsql.OptionSSLRootCerts)
		return refused(calledAs("anna", options), "certificate")
	})
}

// calledAs says that the server knows the caller by this name.
func calledAs(name string, options map[string]string) error {
	database, problem := flightsql.NewDriver(memory.DefaultAllocator).NewDatabase(options)
	if problem != nil {
		return problem
	}
	defer func() { _ = database.Close() }()
	connection, problem := database.Open(ctx)
	if problem != nil {
		return problem
	}
	defer func() { _ = connection.Close() }()
	statement, problem := connection.NewStatement()
	if problem != nil {
		return problem
	}
	defer func() { _ = statement.Close() }()
	for range 2 { // the first makes an entry
		if problem := statement.SetSqlQuery("SELECT DISTINCT principal FROM mesh.runtime.queries"); problem != nil {
			return problem
		}
		reader, _, problem := statement.ExecuteQuery(ctx)
		found, problem := texts(reader, problem)
		if problem != nil {
			return problem
		}
		if len(found) > 0 {
			return equal([]string{name}, found)
		}
	}
	return errors.New("the server does not list the caller's queries")
}

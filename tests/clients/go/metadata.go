package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// metadata asks what there is through ADBC itself.
func metadata(uri string) {
	database, problem := flightsql.NewDriver(memory.DefaultAllocator).NewDatabase(map[string]string{adbc.OptionKeyURI: uri})
	if problem != nil {
		panic(problem)
	}
	connection, problem := database.Open(ctx)
	if problem != nil {
		panic(problem)
	}
	defer func() { _ = errors.Join(connection.Close(), database.Close()) }()

	check("metadata: catalogs", func() error {
		found, problem := texts(connection.GetObjects(ctx, adbc.ObjectDepthCatalogs, nil, nil, nil, nil, nil))
		return errors.Join(problem, equal([]string{"mesh", "people", "shop", "stock"}, found))
	})
	check("metadata: everything of a domain", func() error {
		catalog := "shop"
		reader, problem := connection.GetObjects(ctx, adbc.ObjectDepthAll, &catalog, nil, nil, nil, nil)
		if problem != nil {
			return problem
		}
		defer reader.Release()
		count := 0
		for reader.Next() {
			count += int(reader.RecordBatch().NumRows())
		}
		return errors.Join(reader.Err(), equal(1, count))
	})
	check("metadata: types of tables", func() error {
		found, problem := texts(connection.GetTableTypes(ctx))
		slices.Sort(found)
		return errors.Join(problem, equal([]string{"SYSTEM TABLE", "TABLE", "VIEW"}, found))
	})
	check("metadata: the schema of a table", func() error {
		catalog, schema := "shop", "orders"
		found, problem := connection.GetTableSchema(ctx, &catalog, &schema, "orders")
		if problem != nil {
			return problem
		}
		return equal("decimal(12, 2)", found.Field(4).Type)
	})
	check("metadata: a table that is not there", func() error {
		_, problem := connection.GetTableSchema(ctx, nil, nil, "nothing")
		var told adbc.Error
		if !errors.As(problem, &told) || told.Code != adbc.StatusNotFound {
			return fmt.Errorf("found %w", problem)
		}
		return nil
	})
	check("metadata: who answers", func() error {
		reader, problem := connection.GetInfo(ctx, []adbc.InfoCode{adbc.InfoVendorName})
		if problem != nil {
			return problem
		}
		defer reader.Release()
		reader.Next()
		return errors.Join(reader.Err(), equal("Samite", reader.RecordBatch().Column(1).(*array.DenseUnion).Field(0).(*array.String).Value(0)))
	})
	check("metadata: the schema of a statement that does not run", func() error {
		statement, problem := connection.NewStatement()
		if problem != nil {
			return problem
		}
		defer func() { _ = statement.Close() }()
		if problem := statement.SetSqlQuery("SELECT order_id, amount FROM shop.orders.orders"); problem != nil {
			return problem
		}
		found, problem := statement.(adbc.StatementExecuteSchema).ExecuteSchema(ctx)
		if problem != nil {
			return problem
		}
		return equal(2, found.NumFields())
	})
	check("parameter: bound again through ADBC", func() error { return boundAgain(connection) })
	check("metadata: the session's catalog", func() error {
		options := connection.(adbc.PostInitOptions)
		if problem := options.SetOption(adbc.OptionKeyCurrentCatalog, "shop"); problem != nil {
			return problem
		}
		found, problem := connection.(adbc.GetSetOptions).GetOption(adbc.OptionKeyCurrentCatalog)
		return errors.Join(problem, equal("shop", found))
	})
	check("metadata: an unknown catalog is refused", func() error {
		return refused(connection.(adbc.PostInitOptions).SetOption(adbc.OptionKeyCurrentCatalog, "nothing"))
	})
}

// boundAgain runs one prepared statement with several values.
func boundAgain(connection adbc.Connection) error {
	statement, problem := connection.NewStatement()
	if problem != nil {
		return problem
	}
	defer func() { _ = statement.Close() }()
	if problem := errors.Join(statement.SetSqlQuery("SELECT CAST(count(*) AS VARCHAR) FROM shop.orders.orders WHERE order_id < ?"), statement.Prepare(ctx)); problem != nil {
		return problem
	}
	for n := range int64(5) {
		builder := array.NewInt64Builder(memory.DefaultAllocator)
		builder.Append(n * 30)
		schema := arrow.NewSchema([]arrow.Field{{Name: "1", Type: arrow.PrimitiveTypes.Int64}}, nil)
		if problem := statement.Bind(ctx, array.NewRecordBatch(schema, []arrow.Array{builder.NewArray()}, 1)); problem != nil {
			return problem
		}
		reader, _, problem := statement.ExecuteQuery(ctx)
		found, problem := texts(reader, problem)
		if problem := errors.Join(problem, equal([]string{fmt.Sprint(n * 30)}, found)); problem != nil {
			return problem
		}
	}
	return nil
}

// texts are the values of the first column.
func texts(reader array.RecordReader, problem error) ([]string, error) {
	if problem != nil {
		return nil, problem
	}
	defer reader.Release()
	var found []string
	for reader.Next() {
		column := reader.RecordBatch().Column(0).(*array.String)
		for n := range column.Len() {
			found = append(found, column.Value(n))
		}
	}
	return found, reader.Err()
}

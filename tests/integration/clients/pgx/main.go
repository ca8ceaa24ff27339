// pgx: the binary protocol with a cache of prepared statements, COPY in binary, and pipelines (batches).
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

const (
	count    = "/* pgweir: primary */ SELECT count(*) FROM matrix" // a replica may be a moment behind
	copyOut  = "COPY (SELECT n, 'line ' || n FROM generate_series(1000, 1999) n) TO STDOUT"
	large    = "SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n"
	notice   = "DO $$ BEGIN RAISE NOTICE 'a notice: %', 6 * 7; END $$"
	sleep    = "/* pgweir: primary */ SELECT pg_sleep(60)"
	sleeping = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '% pg_sleep(60)'"
	unicode  = "žluťoučký kůň, 漢字, العربية, 🐘"
)

var (
	ctx         = context.Background()
	conn, other *pgx.Conn
	notices     []string
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(seen, wanted interface{}) {
	if !reflect.DeepEqual(seen, wanted) {
		panic(fmt.Errorf("%.300v instead of %.300v", seen, wanted))
	}
}

func connect() *pgx.Conn {
	config, err := pgx.ParseConfig("")
	check(err)
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices = append(notices, n.Message) }
	made, err := pgx.ConnectConfig(ctx, config)
	check(err)
	return made
}

func execute(on *pgx.Conn, sql string, arguments ...interface{}) {
	_, err := on.Exec(ctx, sql, arguments...)
	check(err)
}

func number(on *pgx.Conn, sql string, arguments ...interface{}) (value int64) {
	check(on.QueryRow(ctx, sql, arguments...).Scan(&value))
	return
}

func text(sql string, arguments ...interface{}) (value string) {
	check(conn.QueryRow(ctx, sql, arguments...).Scan(&value))
	return
}

func stateOf(sql string, arguments ...interface{}) string {
	_, err := conn.Exec(ctx, sql, arguments...)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return fmt.Sprint(err)
}

func login() {
	conn, other = connect(), connect()
	equal(text("SELECT current_user::text"), "app")
}

func parameters() {
	var (
		i       int32
		b       int64
		t       string
		yes     bool
		numeric string
		date    time.Time
		f       float64
		array   []int32
		null    *int32
	)
	sql := "SELECT $1::int, $2::bigint, $3::text, $4::bool, $5::numeric::text, $6::date, $7::float8, $8::int[], $9::int"
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	row := conn.QueryRow(ctx, sql, 7, int64(1)<<40, "it's", true, "12.340", day, 1.5, []int32{1, 2, 3}, nil)
	check(row.Scan(&i, &b, &t, &yes, &numeric, &date, &f, &array, &null))
	equal([]interface{}{i, b, t, yes, numeric, date, f, array, null},
		[]interface{}{int32(7), int64(1) << 40, "it's", true, "12.340", day, 1.5, []int32{1, 2, 3}, (*int32)(nil)})
}

func prepared() {
	servers := map[string]bool{}
	_, err := conn.Prepare(ctx, "double", "SELECT $1::int * 2, name FROM which_server")
	check(err)
	for n := 0; n < 100; n++ {
		var double int
		var server string
		check(conn.QueryRow(ctx, "double", n).Scan(&double, &server))
		equal(double, n*2)
		servers[server] = true
	}
	equal(servers, map[string]bool{"replica1": true, "replica2": true})
	check(conn.Deallocate(ctx, "double"))
}

func rollback() {
	transaction, err := conn.Begin(ctx)
	check(err)
	execute(conn, "INSERT INTO matrix (id) VALUES ($1)", 1)
	equal(number(conn, count), int64(1))
	check(transaction.Rollback(ctx))
	equal(number(conn, count), int64(0))
	check(conn.BeginFunc(ctx, func(transaction pgx.Tx) error {
		_, err := transaction.Exec(ctx, "INSERT INTO matrix (id) VALUES ($1)", 2)
		return err
	}))
	equal(number(conn, count), int64(1))
}

func copyRowsIn() {
	rows := make([][]interface{}, 1000)
	for i := range rows {
		rows[i] = []interface{}{int32(1000 + i), fmt.Sprintf("line %d", 1000+i)}
	}
	copied, err := conn.CopyFrom(ctx, pgx.Identifier{"matrix"}, []string{"id", "note"}, pgx.CopyFromRows(rows))
	check(err)
	equal(copied, int64(1000))
	equal(number(conn, count), int64(1001))
}

func copyRowsOut() {
	var out, wanted bytes.Buffer
	for n := 1000; n < 2000; n++ {
		fmt.Fprintf(&wanted, "%d\tline %d\n", n, n)
	}
	_, err := conn.PgConn().CopyTo(ctx, &out, copyOut)
	check(err)
	equal(out.String(), wanted.String())
}

func sqlstate() {
	equal(stateOf("INSERT INTO matrix (id) VALUES ($1)", 2), "23505")
	equal(stateOf("SELECT 1 / $1::int", 0), "22012")
	equal(number(conn, "SELECT 1::bigint"), int64(1))
}

func cancel() {
	failure := make(chan error, 1)
	go func() {
		for number(other, sleeping) != 1 {
			time.Sleep(20 * time.Millisecond)
		}
		// Not by the context: that closes the connection.
		failure <- conn.PgConn().CancelRequest(ctx)
	}()
	equal(stateOf(sleep), "57014")
	check(<-failure)
	equal(number(conn, "SELECT 1::bigint"), int64(1))
}

func noticed() {
	execute(conn, notice)
	equal(notices, []string{"a notice: 42"})
}

func largeResult() {
	rows, err := conn.Query(ctx, large)
	check(err)
	total := 0
	for rows.Next() {
		var n int
		var padding string
		check(rows.Scan(&n, &padding))
		total += len(padding)
	}
	check(rows.Err())
	equal(total, 10*1000*1000)
}

func bytea() {
	given := make([]byte, 10240)
	for i := range given {
		given[i] = byte(i)
	}
	var seen []byte
	check(conn.QueryRow(ctx, "SELECT $1::bytea", given).Scan(&seen))
	equal(seen, given)
}

func unicodeText() {
	equal(text("SELECT $1::text", unicode), unicode)
}

func pipeline() {
	batch := &pgx.Batch{}
	for n := 0; n < 200; n++ {
		batch.Queue("SELECT $1::int * 2", n)
	}
	batch.Queue("INSERT INTO matrix (id) VALUES ($1)", 3)
	results := conn.SendBatch(ctx, batch)
	for n := 0; n < 200; n++ {
		var double int
		check(results.QueryRow().Scan(&double))
		equal(double, n*2)
	}
	_, err := results.Exec()
	check(err)
	check(results.Close())
	equal(number(conn, count), int64(1002))
}

func notify() {
	execute(conn, "LISTEN matrix")
	execute(other, "SELECT pg_notify('matrix', $1)", "from the other")
	arrived, err := conn.WaitForNotification(ctx)
	check(err)
	equal([]string{arrived.Channel, arrived.Payload}, []string{"matrix", "from the other"})
}

func run(name string, step func()) {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Printf("FAILED %s: %s\n", name, strings.ReplaceAll(fmt.Sprint(reason), "\n", " "))
			os.Exit(1)
		}
	}()
	step()
	fmt.Printf("ok %s\n", name)
}

func main() {
	run("login", login)
	run("parameters", parameters)
	run("prepared", prepared)
	run("rollback", rollback)
	run("copy_in", copyRowsIn)
	run("copy_out", copyRowsOut)
	run("sqlstate", sqlstate)
	run("cancel", cancel)
	run("notice", noticed)
	run("large", largeResult)
	run("bytea", bytea)
	run("unicode", unicodeText)
	run("pipeline", pipeline)
	run("notify", notify)
}

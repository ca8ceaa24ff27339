# ruby-pg: parameters and prepared statements of the protocol, COPY, and asynchronous calls underneath everything.
require "pg"

BYTES = (0..255).to_a.pack("C*") * 40
COUNT = "/* pgweir: primary */ SELECT count(*) FROM matrix" # a replica may be a moment behind
LARGE = "SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n"
LINES = (1000..1999).map { |number| "#{number}\tline #{number}\n" }
SLEEP = "/* pgweir: primary */ SELECT pg_sleep(60)"
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '% pg_sleep(60)'"
UNICODE = "žluťoučký kůň, 漢字, العربية, 🐘"
$stdout.sync = true

def equal(seen, wanted)
  raise "#{seen.inspect[0, 300]} instead of #{wanted.inspect[0, 300]}" if seen != wanted
end

def value(sql, parameters = [], on = $main) = on.exec_params(sql, parameters).getvalue(0, 0)

def state_of
  yield
  nil
rescue PG::Error => error
  error.result&.error_field(PG::PG_DIAG_SQLSTATE)
end

def login
  $main, $other = PG.connect, PG.connect
  equal(value("SELECT current_user"), "app")
end

def parameters
  given = ["7", "1099511627776", "it's", "t", "12.340", "2024-02-29", "1.5", "{1,2,3}", nil]
  sql = "SELECT $1::int, $2::bigint, $3::text, $4::bool, $5::numeric, $6::date, $7::float8, $8::int[], $9::int"
  equal($main.exec_params(sql, given).values, [given])
  binary = [{ value: [7].pack("N"), type: 23, format: 1 }]
  equal($main.exec_params("SELECT $1 * 2", binary, 1).getvalue(0, 0).unpack1("N"), 14)
end

def prepared
  $main.prepare("double", "SELECT $1::int * 2, name FROM which_server")
  answers = (0...100).map { |number| $main.exec_prepared("double", [number]).values[0] }
  equal(answers.map { |double, _| double.to_i }, (0...100).map { |number| number * 2 })
  equal(answers.map(&:last).uniq.sort, %w[replica1 replica2])
end

def rollback
  begin
    $main.transaction do
      $main.exec_params("INSERT INTO matrix (id) VALUES ($1)", [1])
      equal(value(COUNT), "1")
      raise IOError
    end
  rescue IOError # which is what rolls back
    nil
  end
  equal(value(COUNT), "0")
  $main.transaction { $main.exec("INSERT INTO matrix (id) VALUES (2)") }
  equal(value(COUNT), "1")
end

def copy_in
  $main.copy_data("COPY matrix (id, note) FROM STDIN") { LINES.each { |line| $main.put_copy_data(line) } }
  equal(value(COUNT), "1001")
end

def copy_out
  lines = []
  $main.copy_data("COPY (SELECT n, 'line ' || n FROM generate_series(1000, 1999) n) TO STDOUT") do
    while (line = $main.get_copy_data)
      lines << line
    end
  end
  equal(lines, LINES)
end

def sqlstate
  equal(state_of { $main.exec("INSERT INTO matrix (id) VALUES (2)") }, "23505")
  equal(state_of { value("SELECT 1 / $1::int", [0]) }, "22012")
  equal(value("SELECT 1"), "1")
end

def cancel
  canceller = Thread.new do
    sleep 0.02 until value(SLEEPING, [], $other) == "1"
    $main.cancel
  end
  equal(state_of { $main.exec(SLEEP) }, "57014")
  equal(canceller.value, nil)
  equal(value("SELECT 1"), "1")
end

def notice
  seen = []
  $main.set_notice_receiver { |result| seen << result.error_field(PG::PG_DIAG_MESSAGE_PRIMARY) }
  $main.exec("DO $$ BEGIN RAISE NOTICE 'a notice: %', 6 * 7; END $$")
  equal(seen, ["a notice: 42"])
end

def large
  equal($main.exec(LARGE).sum { |row| row["repeat"].length }, 10_000_000)
end

def bytea
  equal($main.exec_params("SELECT $1::bytea", [{ value: BYTES, format: 1 }], 1).getvalue(0, 0).b, BYTES)
end

def unicode
  equal(value("SELECT $1::text", [UNICODE]), UNICODE)
end

def pipeline
  $main.enter_pipeline_mode
  20.times { |number| $main.send_query_params("SELECT $1::int", [number]) }
  $main.pipeline_sync
  20.times do |number|
    equal($main.get_result.getvalue(0, 0), number.to_s)
    equal($main.get_result, nil)
  end
  equal($main.get_result.result_status, PG::PGRES_PIPELINE_SYNC)
  $main.exit_pipeline_mode
end

def notify
  $main.exec("LISTEN matrix")
  $other.exec("NOTIFY matrix, 'from the other'")
  arrived = nil
  $main.wait_for_notify(30) { |channel, _, payload| arrived = [channel, payload] }
  equal(arrived, ["matrix", "from the other"])
end

%i[login parameters prepared rollback copy_in copy_out sqlstate cancel notice large bytea unicode pipeline notify].each do |step|
  send(step)
  puts "ok #{step}"
rescue StandardError => error
  puts "FAILED #{step}: #{error.class} #{error.message.tr("\n", ' ')}"
  exit 1
end

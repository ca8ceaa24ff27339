<?php
// PHP's PDO: prepares everything, and deallocates its named statements with SQL.

const COUNT = '/* pgweir: primary */ SELECT count(*) FROM matrix'; // a replica may be a moment behind
const LARGE = "SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n";

function equal($seen, $wanted): void
{
    if ($seen !== $wanted) {
        throw new Exception(substr(var_export($seen, true), 0, 300) . ' instead of ' . substr(var_export($wanted, true), 0, 300));
    }
}

function connection(): PDO
{
    $security = 'sslmode=' . getenv('PGSSLMODE') . (getenv('PGSSLROOTCERT') ? ';sslrootcert=' . getenv('PGSSLROOTCERT') : '');
    $where = sprintf('pgsql:host=%s;port=%s;dbname=%s;%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'), $security);
    return new PDO($where, getenv('PGUSER'), getenv('PGPASSWORD'), [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
}

function row(string $sql, array $parameters = []): array
{
    global $main;
    $statement = $main->prepare($sql);
    $statement->execute($parameters);
    return $statement->fetch(PDO::FETCH_NUM);
}

function value(string $sql, array $parameters = [])
{
    return row($sql, $parameters)[0];
}

function state_of(callable $action): ?string
{
    try {
        $action();
    } catch (PDOException $error) {
        return $error->errorInfo[0];
    }
    return null;
}

function lines(): array
{
    return array_map(fn ($number) => "$number\tline $number\n", range(1000, 1999));
}

function login(): void
{
    global $main, $other;
    $main = connection();
    $other = connection();
    equal(value('SELECT current_user'), 'app');
}

function parameters(): void
{
    $sql = 'SELECT ?::int, ?::bigint, ?::text, ?::bool, ?::numeric, ?::date, ?::float8, ?::int';
    $seen = row($sql, [7, 2 ** 40, "it's", 'true', '12.340', '2024-02-29', 1.5, null]);
    $seen[6] = (float) $seen[6];
    equal($seen, [7, 2 ** 40, "it's", true, '12.340', '2024-02-29', 1.5, null]);
    equal(row('SELECT :a::int, :b::text', ['a' => 1, 'b' => 'named']), [1, 'named']);
}

function prepared(): void
{
    global $main;
    $servers = [];
    $statement = $main->prepare('SELECT ?::int * 2, name FROM which_server');
    for ($number = 0; $number < 100; ++$number) {
        $statement->execute([$number]);
        [$double, $server] = $statement->fetch(PDO::FETCH_NUM);
        equal($double, $number * 2);
        $servers[$server] = true;
    }
    ksort($servers);
    equal(array_keys($servers), ['replica1', 'replica2']);
}

function rollback(): void
{
    global $main;
    $main->beginTransaction();
    $main->prepare('INSERT INTO matrix (id) VALUES (?)')->execute([1]);
    equal(value(COUNT), 1);
    $main->rollBack();
    equal(value(COUNT), 0);
    $main->beginTransaction();
    $main->exec('INSERT INTO matrix (id) VALUES (2)');
    $main->commit();
    equal(value(COUNT), 1);
}

function copy_in(): void
{
    global $main;
    equal($main->pgsqlCopyFromArray('matrix', lines(), "\t", '\\\\N', 'id, note'), true);
    equal(value(COUNT), 1001);
}

function copy_out(): void
{
    global $main;
    equal($main->pgsqlCopyToArray("(SELECT n, 'line ' || n FROM generate_series(1000, 1999) n)"), lines());
}

function sqlstate(): void
{
    global $main;
    equal(state_of(fn () => $main->exec('INSERT INTO matrix (id) VALUES (2)')), '23505');
    equal(state_of(fn () => value('SELECT 1 / ?::int', [0])), '22012');
    equal(value('SELECT 1'), 1);
}

function large(): void
{
    global $main;
    equal(array_sum(array_map(fn ($row) => strlen($row[1]), $main->query(LARGE)->fetchAll(PDO::FETCH_NUM))), 10000000);
}

function bytea(): void
{
    global $main;
    $bytes = str_repeat(implode('', array_map('chr', range(0, 255))), 40);
    $statement = $main->prepare('SELECT ?::bytea');
    $statement->bindValue(1, $bytes, PDO::PARAM_LOB);
    $statement->execute();
    equal(stream_get_contents($statement->fetch(PDO::FETCH_NUM)[0]), $bytes);
}

function unicode(): void
{
    $text = 'žluťoučký kůň, 漢字, العربية, 🐘';
    equal(value('SELECT ?::text', [$text]), $text);
}

function notify(): void
{
    global $main, $other;
    $main->exec('LISTEN matrix');
    $other->exec("NOTIFY matrix, 'from the other'");
    $arrived = $main->pgsqlGetNotify(PDO::FETCH_ASSOC, 30000);
    equal([$arrived['message'], $arrived['payload']], ['matrix', 'from the other']);
}

foreach (['login', 'parameters', 'prepared', 'rollback', 'copy_in', 'copy_out', 'sqlstate', 'large', 'bytea', 'unicode', 'notify'] as $step) {
    try {
        $step();
        echo "ok $step\n";
    } catch (Throwable $error) {
        echo "FAILED $step: ", get_class($error), ' ', strtr($error->getMessage(), "\n", ' '), "\n";
        exit(1);
    }
}
echo "lacks cancel: PDO has no call for it\n";
echo "lacks notice: PDO drops them (before PHP 8.4)\n";

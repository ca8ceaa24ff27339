# DBD::Pg: placeholders, named statements of the protocol that it deallocates with SQL, COPY, asynchronous queries.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use DBI;
use DBD::Pg qw(:async :pg_types);
use List::Util qw(sum);
use Time::HiRes qw(sleep);

$| = 1;
my $COUNT = "/* pgweir: primary */ SELECT count(*) FROM matrix";    # a replica may be a moment behind
my $SLEEP = "/* pgweir: primary */ SELECT pg_sleep(60)";
my $SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '% pg_sleep(60)'";
my $LINES = join "", map { "$_\tline $_\n" } 1000 .. 1999;
my ($main, $other);

sub equal {
    my ($seen, $wanted) = @_;
    $seen //= "nothing";
    die substr("'$seen' instead of '$wanted'", 0, 500) . "\n" if $seen ne $wanted;
}

sub connection {
    return DBI->connect("dbi:Pg:", undef, undef, {RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_enable_utf8 => 1});
}

sub value { return ($main->selectrow_array(@_))[0] }

sub state_of {
    my ($action) = @_;
    eval { $action->(); 1 } and return "none";
    return $main->state;
}

sub login {
    ($main, $other) = (connection(), connection());
    equal(value("SELECT current_user"), "app");
}

sub parameters {
    my @given = (7, 2**40, "it's", 1, "12.340", "2024-02-29", 1.5, undef);
    my $sql = "SELECT ?::int, ?::bigint, ?::text, ?::bool, ?::numeric, ?::date, ?::float8, ?::int";
    my @seen = $main->selectrow_array($sql, undef, @given);
    equal(join("|", map { $_ // "NULL" } @seen), join("|", map { $_ // "NULL" } @given));
    equal(join(",", @{value("SELECT ?::int[]", undef, [1, 2, 3])}), "1,2,3");
}

sub prepared {
    my %servers;
    my $statement = $main->prepare("SELECT ?::int * 2, name FROM which_server", {pg_prepare_now => 1});
    for my $number (0 .. 99) {
        $statement->execute($number);
        my ($double, $server) = $statement->fetchrow_array;
        equal($double, $number * 2);
        $servers{$server} = 1;
    }
    equal(join(",", sort keys %servers), "replica1,replica2");
}

sub rollback {
    $main->begin_work;
    $main->do("INSERT INTO matrix (id) VALUES (?)", undef, 1);
    equal(value($COUNT), 1);
    $main->rollback;
    equal(value($COUNT), 0);
    $main->begin_work;
    $main->do("INSERT INTO matrix (id) VALUES (?)", undef, 2);
    $main->commit;
    equal(value($COUNT), 1);
}

sub copy_in {
    $main->do("COPY matrix (id, note) FROM STDIN");
    $main->pg_putcopydata($_) for split /(?<=\n)/, $LINES;
    $main->pg_putcopyend;
    equal(value($COUNT), 1001);
}

sub copy_out {
    my ($all, $line) = ("", "");
    $main->do("COPY (SELECT n, 'line ' || n FROM generate_series(1000, 1999) n) TO STDOUT");
    $all .= $line while $main->pg_getcopydata($line) >= 0;
    equal($all, $LINES);
}

sub sqlstate {
    equal(state_of(sub { $main->do("INSERT INTO matrix (id) VALUES (2)") }), "23505");
    equal(state_of(sub { value("SELECT 1 / ?::int", undef, 0) }), "22012");
    equal(value("SELECT 1"), 1);
}

sub cancel {
    $main->do($SLEEP, {pg_async => PG_ASYNC});
    for (my $tries = 0; ($other->selectrow_array($SLEEPING))[0] != 1; ++$tries) {
        die "the statement does not run\n" if $tries > 1000;
        sleep 0.02;
    }
    # pg_cancel() waits for the answer and says whether the statement was really cancelled.
    equal($main->pg_cancel, 1);
    equal($main->state, "57014");
    equal(value("SELECT 1"), 1);
}

sub notice {
    my @seen;
    local $SIG{__WARN__} = sub { push @seen, @_ };
    $main->do("DO \$\$ BEGIN RAISE NOTICE 'a notice: %', 6 * 7; END \$\$");
    equal($seen[0], "NOTICE:  a notice: 42\n");
}

sub large {
    my $rows = $main->selectall_arrayref("SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n");
    equal(sum(map { length $_->[1] } @$rows), 10_000_000);
}

sub bytea {
    my $bytes = join("", map { chr } 0 .. 255) x 40;
    my $statement = $main->prepare("SELECT ?::bytea");
    $statement->bind_param(1, $bytes, {pg_type => PG_BYTEA});
    $statement->execute;
    my ($seen) = $statement->fetchrow_array;
    equal(unpack("H*", $seen), unpack("H*", $bytes));
}

sub unicode {
    my $text = "žluťoučký kůň, 漢字, العربية, 🐘";
    equal(value("SELECT ?::text", undef, $text), $text);
}

sub notify {
    $main->do("LISTEN matrix");
    $other->do("NOTIFY matrix, 'from the other'");
    my $arrived;
    for (my $tries = 0; !($arrived = $main->pg_notifies); ++$tries) {
        die "no notification\n" if $tries > 1000;
        sleep 0.02;
    }
    equal("$arrived->[0] $arrived->[2]", "matrix from the other");
}

my @steps = (
    login => \&login, parameters => \&parameters, prepared => \&prepared, rollback => \&rollback, copy_in => \&copy_in,
    copy_out => \&copy_out, sqlstate => \&sqlstate, cancel => \&cancel, notice => \&notice, large => \&large, bytea => \&bytea,
    unicode => \&unicode, notify => \&notify,
);
while (my ($name, $step) = splice @steps, 0, 2) {
    if (!eval { $step->(); 1 }) {
        print "FAILED $name: ", $@ =~ s/\n/ /gr, "\n";
        exit 1;
    }
    print "ok $name\n";
}

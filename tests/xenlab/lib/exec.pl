# exec.pl DIRECTORY COMMAND...: runs a command in the dom0 of the run in DIRECTORY, through one of its control
# ports; standard input, output and error are the command's, and its status is ours. dom0/agent.c has the protocol.
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl qw(:flock);
use Socket;

my ($dir, @words) = @ARGV;
my $PORTS = 4;

sub fail {
    print STDERR "xenlab: @_\n";
    exit 125;
}

# Relative names: an address of a socket is short.
chdir $dir or fail("no run in $dir: $!");
my ($lock, $s, $running);
my $end = time + 180;

# A machine that resumes loses the interrupts of what is done to it meanwhile: nobody may connect before it runs.
sub running {
    open my $log, "<", "xen.log" or return 0;
    while (<$log>) { return 1 if /^XENLAB: takes commands/ }
    return 0;
}

until ($s) {
    fail("the run in $dir has ended") if -e "ended";
    fail("the machine in $dir does not take commands") if time > $end;
    if (!($running ||= running())) {
        select undef, undef, undef, 0.05;
        next;
    }
    for my $i (0 .. $PORTS - 1) {
        open $lock, ">>", "control$i.lock" or fail("$dir: $!");
        next unless flock $lock, LOCK_EX | LOCK_NB; # another command has it
        socket $s, AF_UNIX, SOCK_STREAM, 0 or fail("socket: $!");
        connect $s, pack_sockaddr_un("control$i") or fail("the machine in $dir has ended");
        last;
    }
    select undef, undef, undef, 0.05 unless $s;
}

sub put {
    my ($to, $data) = @_;
    while (length $data) {
        my $n = syswrite $to, $data;
        if (defined $n) {
            substr $data, 0, $n, "";
        } elsif ($! == EAGAIN) {
            vec(my $w = "", fileno $to, 1) = 1;
            select undef, $w, undef, undef;
        } elsif ($! != EINTR) {
            return 0;
        }
    }
    return 1;
}

open my $random, "<", "/dev/urandom" or fail("/dev/urandom: $!");
sysread $random, my $nonce, 16;
my $command = $nonce . join "", map {"$_\0"} @words;
$SIG{PIPE} = "IGNORE";
put($s, "R" . pack("V", length $command) . $command) or fail("the machine has ended");

my ($in, $seen, $input) = ("", 0, 1);
for (;;) {
    my $r = "";
    vec($r, fileno $s, 1) = 1;
    vec($r, 0, 1) = 1 if $input;
    select $r, undef, undef, undef or next;
    if ($input && vec $r, 0, 1) {
        my $n = sysread STDIN, my $data, 4096;
        if ($n) {
            put($s, "I" . pack("V", $n) . $data);
        } elsif (defined $n || ($! != EAGAIN && $! != EINTR)) {
            put($s, "E" . pack "V", 0);
            $input = 0;
        }
    }
    next unless vec $r, fileno $s, 1;
    my $n = sysread $s, $in, 65536, length $in;
    fail("the machine ended before the command did") if defined $n ? !$n : $! != EINTR;
    if (!$seen) {
        my $at = index $in, $nonce;
        next if $at < 0;
        substr $in, 0, $at + 16, "";
        $seen = 1;
    }
    while (length $in >= 5) {
        my ($type, $length) = unpack "aV", $in;
        last if length $in < 5 + $length;
        my $data = substr $in, 5, $length;
        substr $in, 0, 5 + $length, "";
        put(\*STDOUT, $data) if $type eq "1";
        put(\*STDERR, $data) if $type eq "2";
        exit ord $data if $type eq "X";
    }
}

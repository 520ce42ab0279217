# feed.pl RAW: copies standard input to standard output and, unless RAW is 1, types Ctrl-D at its end: once at the
# start of a line, twice within one, as a person would.
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);

my ($raw, $last) = ($ARGV[0], "\n");

sub put {
    my $s = shift;
    while (length $s) {
        my $n = syswrite(STDOUT, $s) // exit 1;
        substr($s, 0, $n, "");
    }
}

for (;;) {
    my $n = sysread(STDIN, my $s, 4096);
    if (defined $n) {
        last if !$n;
        $last = substr $s, -1;
        put($s);
    } elsif ($! == EAGAIN) { # QEMU made it non-blocking: its standard output is the same socket
        vec(my $readable = "", 0, 1) = 1;
        select($readable, undef, undef, undef);
    } elsif ($! != EINTR) {
        last;
    }
}
put($last eq "\n" ? "\4" : "\4\4") unless $raw;

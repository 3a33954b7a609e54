/** Files that somebody holds shut by a lease: whoever opens one is turned away (EAGAIN). Linux only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

const HOLDER = `
use Fcntl qw(:DEFAULT);
$SIG{IO} = "IGNORE"; $| = 1;
my $anew = shift @ARGV;
for (@ARGV) { sysopen(my $file, $_, O_RDWR) or die "$_: $!"; push @held, $file; }
sub lease {
	my $all = 1;
	for (@held) { next if fcntl($_, 1024, 1); $!{EAGAIN} or die "lease: $!"; $all = 0; }
	for my $n ($anew ? 0 .. $#ARGV : ()) {
		my ($there, $mine) = ((stat $ARGV[$n])[1], (stat $held[$n])[1]);
		next if !defined $there || $there == $mine;
		sysopen(my $file, $ARGV[$n], O_RDWR | O_NONBLOCK) or next;
		fcntl($file, 1024, 1) and $held[$n] = $file;
	}
	return $all;
}
select undef, undef, undef, 0.01 until lease();
print "held\\n";
while (1) { lease(); select undef, undef, undef, 0.01; }
`;

/**
 * Once it returns, each of them is shut, and is taken again whenever the system breaks it.
 * @param options.anew also what is written in the place of one
 */
export async function holdShut(
	files: readonly string[],
	{ anew = false } = {},
): Promise<{ pid: number; letGo: () => Promise<void> }> {
	const holder = spawn("perl", ["-e", HOLDER, anew ? "1" : "", ...files], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	onTestFinished(() => void holder.kill("SIGKILL"));
	await once(holder.stdout, "data");
	return {
		pid: holder.pid ?? 0,
		letGo: async () => {
			holder.kill("SIGKILL");
			if (holder.exitCode === null && holder.signalCode === null) await once(holder, "exit");
		},
	};
}

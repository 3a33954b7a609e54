/** Files that somebody holds shut by a lease: whoever opens one is turned away (EAGAIN). Linux only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

const HOLDER = `
use Fcntl qw(:DEFAULT);
$SIG{IO} = "IGNORE"; $| = 1;
for (@ARGV) { sysopen(my $file, $_, O_RDWR) or die "$_: $!"; push @held, $file; }
sub lease {
	my $all = 1;
	for (@held) { next if fcntl($_, 1024, 1); $!{EAGAIN} or die "lease: $!"; $all = 0; }
	return $all;
}
select undef, undef, undef, 0.01 until lease();
print "held\\n";
while (1) { lease(); select undef, undef, undef, 0.01; }
`;

/** Once it returns, each of them is shut, and is taken again whenever the system breaks it. */
export async function holdShut(files: readonly string[]): Promise<{ letGo: () => Promise<void> }> {
	const holder = spawn("perl", ["-e", HOLDER, ...files], { stdio: ["ignore", "pipe", "inherit"] });
	onTestFinished(() => void holder.kill("SIGKILL"));
	await once(holder.stdout, "data");
	return {
		letGo: async () => {
			holder.kill("SIGKILL");
			if (holder.exitCode === null && holder.signalCode === null) await once(holder, "exit");
		},
	};
}

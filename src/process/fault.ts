/**
 * Named points at which a test ends this process with SIGKILL (`DISPATCH_FAULT=name`), to show that a
 * crash there loses nothing. Without the variable a call costs one look at it.
 */
export function faultPoint(name: string): void {
	if (process.env.DISPATCH_FAULT === name) process.kill(process.pid, "SIGKILL");
}

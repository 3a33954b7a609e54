import { mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Home, userHome } from "../../config/home.ts";
import { hintFor } from "../../process/atomic-file.ts";
import { writeOwnFile } from "../../process/own-file.ts";
import { LOCAL_ADDRESS } from "../../task/address.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Context } from "../context.ts";

export interface ServiceFlags {
	print?: boolean;
}

export async function installService(context: Context, flags: ServiceFlags): Promise<number | undefined> {
	const { output, env } = context;
	if (!flags.print) await context.ownHome();
	const unit = await unitOf(context);
	if (flags.print) {
		output.result({ unit }, unit.trimEnd().split("\n"));
		return undefined;
	}
	if (process.platform !== "linux") {
		throw new DispatchError("DISPATCH_USAGE", `systemd is not on ${process.platform}.`, {
			hint: "`dispatch worker` runs under any process manager that leaves children alone.",
		});
	}
	const name = serviceName(context.home);
	const path = join(env.XDG_CONFIG_HOME || join(userHome(), ".config"), "systemd", "user", `${name}.service`);
	const refuse = (error: unknown) =>
		new DispatchError("DISPATCH_BAD_FILE", `Cannot write ${path}: ${(error as Error).message}.`, {
			hint: hintFor(error),
			cause: error,
		});
	try {
		mkdirSync(dirname(path), { recursive: true });
	} catch (error) {
		throw refuse(error);
	}
	writeOwnFile(path, unit, { refuse });
	output.result({ path }, [
		`Wrote ${path}.`,
		`Start it with: systemctl --user daemon-reload && systemctl --user enable --now ${name}`,
	]);
	return undefined;
}

/** Each address has a worker, and so a unit, of its own. */
function serviceName({ path, base }: Home): string {
	return path === base ? "dispatch" : `dispatch-${basename(path)}`;
}

/** KillMode=process: a restart ends the worker alone, and the next one adopts the agents. */
async function unitOf(context: Context): Promise<string> {
	const { home, env } = context;
	const redis = await context.redisUrl();
	const variables = {
		PATH: env.PATH,
		DISPATCH_HOME: home.path,
		DISPATCH_CONFIG: env.DISPATCH_CONFIG,
		DISPATCH_HOST_ID: env.DISPATCH_HOST_ID,
		DISPATCH_REDIS_URL: redis ?? LOCAL_ADDRESS,
	};
	const settings = Object.entries(variables).flatMap(([name, value]) =>
		value ? [`Environment=${quoted(`${name}=${value}`)}`] : [],
	);
	return `[Unit]
Description=dispatch worker (${escaped(home.path)})
After=network-online.target

[Service]
ExecStart=${[process.execPath, process.argv[1] ?? "", "worker", "--standby"].map(argument).join(" ")}
${settings.join("\n")}
KillMode=process
Restart=on-failure
RestartSec=5

[Install]
WantedBy=default.target
`;
}

/** systemd's own quoting; `%` begins a specifier. */
function quoted(text: string): string {
	return `"${escaped(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** In a command line `$` begins a variable, too. */
function argument(text: string): string {
	return quoted(text).replaceAll("$", "$$$$");
}

function escaped(text: string): string {
	return text.replaceAll("%", "%%").replaceAll("\n", " ");
}

/** Which directory the demo reviews. */
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { whyNoDirectoryNow } from "../process/is-directory.ts";
import { DispatchError } from "../task/errors.ts";
import { writeSample } from "./sample.ts";

const PROJECT_SIGNS = [
	".git",
	"package.json",
	"pyproject.toml",
	"requirements.txt",
	"go.mod",
	"Cargo.toml",
	"pom.xml",
	"build.gradle",
	"Gemfile",
	"composer.json",
	"CMakeLists.txt",
	"Makefile",
	"src",
];

export interface Project {
	/** absolute */
	path: string;
	isSample: boolean;
}

/**
 * The directory that was named, else the current one if it looks like a project, else a sample.
 * @throws DISPATCH_BAD_CWD when the named one cannot be used
 */
export function chooseProject(options: {
	named: string | undefined;
	cwd: string;
	userHome: string;
	samplePath: string;
}): Project {
	if (options.named !== undefined)
		return { path: checked(resolve(options.cwd, options.named)), isSample: false };
	if (looksLikeProject(options.cwd, options.userHome))
		return { path: realpathSync(options.cwd), isSample: false };
	writeSample(options.samplePath);
	return { path: options.samplePath, isSample: true };
}

function looksLikeProject(directory: string, userHome: string): boolean {
	if (!existsSync(directory) || !isWritable(directory)) return false;
	const path = realpathSync(directory);
	if (path === "/" || (existsSync(userHome) && path === realpathSync(userHome))) return false;
	return PROJECT_SIGNS.some((name) => existsSync(join(path, name)));
}

function checked(directory: string): string {
	if (whyNoDirectoryNow(directory) === null && isWritable(directory)) return realpathSync(directory);
	throw new DispatchError(
		"DISPATCH_BAD_CWD",
		`Expected --cwd to be a directory that can be written to, got "${directory}".`,
		{
			hint: "The demo keeps its task's files in .dispatch/ there; without --cwd it reviews a sample.",
		},
	);
}

function isWritable(directory: string): boolean {
	try {
		accessSync(directory, constants.W_OK | constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

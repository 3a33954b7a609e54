/** What is used of it; the package brings no types. */
declare module "picomatch" {
	interface Options {
		dot: boolean;
		strictBrackets: boolean;
		strictSlashes: boolean;
		flags: string;
	}
	/** @throws SyntaxError */
	export default function picomatch(pattern: string, options: Options): (path: string) => boolean;
}

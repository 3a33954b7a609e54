/** The package's version, put in by the build; sources that run unbundled have none. */
declare const DISPATCH_VERSION: string | undefined;

export const VERSION: string = typeof DISPATCH_VERSION === "string" ? DISPATCH_VERSION : "0.0.0-unbuilt";

/** The environment of a test's own `npm`: with the certificates that vitest.config.ts keeps from all other programs. */
export const REGISTRY_ENV: NodeJS.ProcessEnv = {
	...process.env,
	NODE_EXTRA_CA_CERTS: process.env.REGISTRY_CA_CERTS ?? "",
};

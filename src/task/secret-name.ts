/** Which names of variables, options and keys say that their value is a secret. */

/** By its end: no part before it is looked for, which would take quadratic time where a name is long. */
const BY_END =
	/(?:^|[_-])(?:(?:api|access|secret|private|auth|account|encryption|signing|master|service|license)?_?-?keys?|secrets?|tokens?|pass(?:word|wd|phrase)?|pwd|credentials?|dsn|bearer|cookies?|webhooks?(?:_url)?|pat)$|[_-]auth$|connection_?string$|apikey$|(?:password|passwd|passphrase|secret|token)$/i;
/** Secret wherever it stands in a name: `SECRET_KEY_BASE`, `TOKEN_GITHUB`, `ANTHROPIC_API_KEY_PROD`. */
const ANYWHERE =
	/(?:^|_)(?:(?:api|access|secret|private|auth|account|encryption|signing|master)_?keys?|secret|token|password|passwd|passphrase)(?:_|$)/i;
/** What says something about a secret, and holds none. */
const ABOUT_ONE =
	/(?:^|_)(?:file|path|dir|name|id|type|kind|count|limit|budget|usage|used|size|length|ttl|expiry|expires|expires_?(?:in|at)|policy|url|uri|endpoint|host|port|region|enabled|disabled|mode|format|version|store|manager|helper|scopes?|audience|issuer|prefix|rotation|sock|max|min)$/i;

/** Names that look like secrets and are none. */
const NO_SECRET = /^(?:SSH_AUTH_SOCK|XAUTHORITY|PWD|OLDPWD)$/i;
/** A limit of them. */
const COUNTS_TOKENS = /(?:^|_)TOKENS?(?:_|$)/i;
const MAX = /(?:^|_)(?:MAX|MIN)(?:_|$)/i;

/** Whether a variable, option or key of that name holds a secret. */
export function isSecretName(name: string): boolean {
	// `accessToken`, `client-secret`: the parts of a name are told apart by `_` alone.
	const parts = name.replace(/([a-z0-9])(?=[A-Z])/g, "$1_").replace(/[-.]/g, "_");
	if (NO_SECRET.test(name) || (COUNTS_TOKENS.test(parts) && MAX.test(parts))) return false;
	return BY_END.test(name) || BY_END.test(parts) || (ANYWHERE.test(parts) && !ABOUT_ONE.test(parts));
}

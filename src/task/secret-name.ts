/** Which names of variables, options and keys say that their value is a secret. */

/** By its end: no part before it is looked for, which would take quadratic time where a name is long. */
const BY_END =
	/(?:^|[_-])(?:(?:api|access|secret|private|auth|account|encryption|signing|master|service|license)?_?-?keys?|secrets?|tokens?|pass(?:word|wd|phrase|key|code)?|pwd|credentials?|creds?|authorization|jwts?|pem|dsn|bearer|cookies?|webhooks?(?:_url)?|pat)$|[_-]auth$|connection_?string$|(?:api|access|secret|private|auth|encryption|signing|deploy|ssh)keys?$|(?:password|passwd|passphrase|secret|token|creds)$/i;
/** Written together with what it is for: `DBPASS`, `SMTPPWD`. Words and programs that end so are none. */
const TOGETHER = /(?<!com|by|tres|sur|over|under|ask|multi|kee|last)pass$|(?<!old)pwd$/i;
/** Which one of several, or in what form it is written: `API_KEY2`, `GOOGLE_APPLICATION_CREDENTIALS_JSON`, `DOCKER_AUTH_CONFIG`. */
const FORM = /(?:_?v?\d{1,3}|_(?:json|ya?ml|b64|base64|data|config|contents?|raw|header|value|text)){1,3}$/i;
/** Of what is a place, or a mere name, without a word for its form: `KUBECONFIG_DATA`, `SERVICE_ACCOUNT_JSON`. */
const CONTENT =
	/(?:kube_?config|service_?account|docker_?config)_?(?:json|ya?ml|b64|base64|data|contents?|raw)$/i;
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
	const bare = parts.replace(FORM, "");
	const isByEnd = [name, parts, bare].some((each) => BY_END.test(each) || TOGETHER.test(each));
	return isByEnd || CONTENT.test(parts) || (ANYWHERE.test(parts) && !ABOUT_ONE.test(parts));
}

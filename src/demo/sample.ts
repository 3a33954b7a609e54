/** A small project with planted faults, for a demo that is not started inside a project. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const FILES: Record<string, string> = {
	"package.json": `{ "name": "sample-shop", "private": true }
`,
	"src/auth.js": `import { createHash } from "node:crypto";

const admin = { user: "admin", password: "tr0ub4dor-and-3" };

export function login(user, password) {
	const digest = createHash("md5").update(password).digest("hex");
	return user === admin.user && digest === createHash("md5").update(admin.password).digest("hex");
}
`,
	"src/orders.js": `import { exec } from "node:child_process";
import { db } from "./db.js";

export function orderOf(id) {
	return db.query("SELECT * FROM orders WHERE id = " + id);
}

export function printInvoice(id) {
	exec(\`lp invoices/\${id}.pdf\`);
}
`,
	"src/page.js": `export function showName(element, name) {
	// TODO: escape the name
	element.innerHTML = name;
}
`,
	"src/db.js": `export const db = { query: (sql) => [sql] };
`,
	"test/auth.test.js": `import { login } from "../src/auth.js";

const password = "only-for-the-test";
console.assert(login("admin", password) === false);
`,
	"README.md": `# Sample shop

Made by \`dispatch demo\`. Its faults are planted.
`,
};

/** Writes the project into a directory, which it makes. */
export function writeSample(directory: string): void {
	for (const [name, text] of Object.entries(FILES)) {
		const path = join(directory, name);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, text);
	}
}

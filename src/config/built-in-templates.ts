/** The templates that come with dispatch, in the form of any other template file (docs/TEMPLATES.md). */
export const BUILT_IN_TEMPLATES: Readonly<Record<string, string>> = {
	"security-review": `---
description: Look for security holes and report them with file and line
prompt: Do a security review of {{path}}.
addition: |
  You review code for security. Report only what you can show in the code: file and line, how it could be used, how
  bad it is (critical, high, medium, low), and how to mend it. Change nothing but your task's own files.
variables:
  path: { default: this project }
---
- [ ] Find the entry points of {{path}}: where input from outside comes in
- [ ] Look for secrets and credentials in the code and its configuration
- [ ] Check authentication, sessions and permission checks
- [ ] Follow untrusted input to queries, commands, file paths, templates and deserialisation
- [ ] Check dependencies and configuration for known or dangerous settings
- [ ] Read each finding again in the code and drop what does not hold
- [ ] Write output.md: the findings by severity, each with file:line, effect and fix
`,
	"code-review": `---
description: Review a change or a directory for faults and needless complexity
prompt: Review {{path}}.
addition: |
  You review code. Report faults first (wrong results, lost data, races, unhandled errors), then what makes the code
  hard to change; leave matters of taste to the formatter. Give file and line for each finding, and say what you would
  do instead. Change nothing but your task's own files.
variables:
  path: { default: the changes against the main branch }
---
- [ ] Read {{path}} and note what it is meant to do
- [ ] Look for faults: edge cases, error handling, concurrency, resources that are not released
- [ ] Check that tests cover what the code promises
- [ ] Look for duplication, dead code and needless complexity
- [ ] Read each finding again in the code and drop what does not hold
- [ ] Write output.md: the findings by weight, each with file:line and a proposal
`,
};

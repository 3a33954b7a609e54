/** A question is named by its task, the generation of `ipc/` and its number; `hash` is of its text. */
export interface Question {
	ipcGeneration: number;
	/** as the file is called: "001" */
	seq: string;
	text: string;
	/** sha256 of the text, hex */
	hash: string;
	askedAt: number;
	answer: string | null;
	answeredAt: number | null;
	answeredBy: string | null;
	/** when the agent acknowledged it (NNN.done), or when a later attempt's prompt carried it */
	deliveredAt: number | null;
}

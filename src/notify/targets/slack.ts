import type { NotificationPayload } from "../../task/notification.ts";
import { postJson } from "../post.ts";
import { receiver } from "../target.ts";
import { textOf, titleOf } from "../text.ts";

/** An incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export const slack = receiver({
	fields: { url: "address" },
	deliver: ({ url }, payload) => postJson(url, JSON.stringify({ text: slackText(payload) })),
});

/** Slack's own escapes: without them a text could mention people or forge links. */
function slackText(payload: NotificationPayload): string {
	const escaped = (text: string) =>
		text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
	return `*${escaped(titleOf(payload))}*\n${escaped(textOf(payload))}`.trimEnd();
}

import { spendersToday, spentToday } from "../../queue/records/spend.ts";
import type { Store } from "../../queue/records/store.ts";
import type { Asked } from "./check-holds.ts";
import { type Finding, warn } from "./finding.ts";

/** A day's budget that is spent holds everybody: by whom it was spent, one of whom may have told what is not so. */
export async function checkDay(store: Store, { dailyUsd }: Pick<Asked, "dailyUsd">): Promise<Finding[]> {
	if (dailyUsd === null) return [];
	const spent = await spentToday(store);
	if (spent < dailyUsd) return [];
	const by = (await spendersToday(store)).map(({ task, usd }) => `\`${task}\` $${usd.toFixed(2)}`);
	const most = by.length === 0 ? "" : `, most of it by ${by.join(", ")}`;
	return [
		warn(
			"backend",
			`The day's budget of $${dailyUsd} is spent: $${spent.toFixed(2)} today (UTC)${most}.`,
			"Tasks go on tomorrow; or raise budget.daily in the config, which counts at once.",
		),
	];
}

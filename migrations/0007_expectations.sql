CREATE TABLE `expectation_sums` (
	`source` text NOT NULL,
	`expectation` text NOT NULL,
	`unmet` integer NOT NULL,
	`newest_time` integer NOT NULL,
	PRIMARY KEY(`source`, `expectation`)
);
--> statement-breakpoint
CREATE TABLE `expectation_tallies` (
	`source` text NOT NULL,
	`id` text NOT NULL,
	`time` integer NOT NULL,
	`counts` text NOT NULL,
	PRIMARY KEY(`source`, `id`)
);
--> statement-breakpoint
CREATE INDEX `expectation_tallies_by_time` ON `expectation_tallies` (`time`);
CREATE TABLE `jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`subject` text NOT NULL,
	`params` text NOT NULL,
	`status` text NOT NULL,
	`done` integer NOT NULL,
	`total` integer NOT NULL,
	`error` text,
	`started_time` integer NOT NULL,
	`heartbeat_time` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `jobs_by_status` ON `jobs` (`status`);--> statement-breakpoint
ALTER TABLE `generations` ADD `block_bits` text DEFAULT '{}' NOT NULL;
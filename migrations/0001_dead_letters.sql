CREATE TABLE `message_failures` (
	`id` text PRIMARY KEY NOT NULL,
	`reason` text NOT NULL,
	`attempts` integer NOT NULL,
	`time` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `message_failures_by_time` ON `message_failures` (`time`);--> statement-breakpoint
ALTER TABLE `dead_letters` ADD `source` text;--> statement-breakpoint
ALTER TABLE `dead_letters` ADD `rows` integer;--> statement-breakpoint
ALTER TABLE `dead_letters` ADD `reason` text DEFAULT 'It was kept before reasons were' NOT NULL;--> statement-breakpoint
ALTER TABLE `dead_letters` ADD `attempts` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `dead_letters` ADD `status` text DEFAULT 'kept' NOT NULL;--> statement-breakpoint
ALTER TABLE `dead_letters` ADD `replayed_time` integer;--> statement-breakpoint
CREATE INDEX `dead_letters_by_time` ON `dead_letters` (`time`);